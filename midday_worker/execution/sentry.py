"""Reports to Sentry of jobs that have failed for good."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Final, cast

from midday_worker.engine.job.job import Job
from midday_worker.engine.worker.settlement import Park
from midday_worker.errors import ConfigurationError, JobCancelledError
from midday_worker.execution.attempt_chain import AnyCall, AnyNext
from midday_worker.settings.settings import Settings
from midday_worker.settings.urls import redact_text

if TYPE_CHECKING:
    from sentry_sdk.scope import Scope
    from sentry_sdk.types import Event

_NO_FAILURES: Final = (Park, JobCancelledError, asyncio.CancelledError, GeneratorExit)
"""Put off, cancelled by somebody, or handed back by a worker that stops."""


_TRACEBACK: Final = "Traceback (most recent call last):"


def start_sentry(settings: Settings) -> None:
    """Initialise Sentry's SDK if there is a DSN, unless the program has done it itself.

    Raises:
        ConfigurationError: the extra is missing.
    """
    if settings.sentry_dsn is None:
        return
    try:
        import sentry_sdk
        from sentry_sdk.integrations.argv import ArgvIntegration
        from sentry_sdk.integrations.logging import LoggingIntegration
        from sentry_sdk.integrations.loguru import LoguruIntegration
    except ImportError as error:
        raise ConfigurationError(
            'SENTRY_DSN is set, but sentry-sdk is not installed: pip install "midday-worker[sentry]"'
        ) from error
    if sentry_sdk.is_initialized():
        return
    sentry_sdk.init(
        dsn=settings.sentry_dsn.get_secret_value(),
        environment=settings.environment,
        include_local_variables=settings.log_payloads,
        # Lines of the log go along with a report, each once, as all of them go through loguru; none is a report itself.
        integrations=[LoguruIntegration(event_level=None), LoggingIntegration(level=None, event_level=None)],
        auto_enabling_integrations=False,
        disabled_integrations=[ArgvIntegration()],  # there are passwords in URLs there
    )


class SentryReports:
    """Reports an attempt's exception if no further attempt follows; does nothing where Sentry isn't initialised.

    Args:
        payloads: whether a report may hold the job's payload, and the values of variables.
    """

    def __init__(self, *, payloads: bool) -> None:
        self._payloads = payloads

    def __call__(self, call: AnyCall, call_next: AnyNext) -> Awaitable[object]:
        """Make the attempt and return its result; what it raises is reported."""
        # A program that has not imported the SDK can't have initialised it.
        return self._watched(call, call_next) if "sentry_sdk" in sys.modules else call_next(call)

    async def _watched(self, call: AnyCall, call_next: AnyNext) -> object:
        import sentry_sdk

        job = call.job
        if not sentry_sdk.is_initialized():
            return await call_next(call)
        with sentry_sdk.isolation_scope() as scope:
            scope.clear_breadcrumbs()  # else those of the worker, and of the jobs that have failed before
            _describe(scope, job)
            if not self._payloads:
                scope.add_event_processor(_without_values)
            try:
                return await call_next(call)
            except BaseException as error:
                if _has_failed_for_good(job, error):
                    self._report(scope, job, error)
                raise

    def _report(self, scope: Scope, job: Job, error: BaseException) -> None:
        import sentry_sdk
        from sentry_sdk.utils import event_from_exception

        options = sentry_sdk.get_client().options
        if not self._payloads:
            options = {**options, "include_local_variables": False}
        # Not `capture_exception`, which would show the values of variables, and with them the payload.
        event, hint = event_from_exception(error, options, {"type": "midday_worker", "handled": False})
        _hide_passwords(event)
        # Only now: a job of Node's gets its attempts from its definition, as it is executed.
        scope.set_context("job", {**_about(job), "attempts": job.attempts})
        if self._payloads:
            scope.set_context("payload", {"data": job.data})
        sentry_sdk.capture_event(event, hint)


def _describe(scope: Scope, job: Job) -> None:
    scope.set_transaction_name(job.name, source="task")
    scope.set_context("job", _about(job))
    scope.set_tags({"queue": job.queue.name, "job": job.name, "job_id": job.id})


def _about(job: Job) -> dict[str, object]:
    return {"id": job.id, "name": job.name, "queue": job.queue.name, "attempt": job.attemptsMade + 1}


def _has_failed_for_good(job: Job, error: BaseException) -> bool:
    # Without an attempt there is nothing to report: of a child's failure its own report tells.
    if isinstance(error, _NO_FAILURES) or job.attempt.stopped_by is not None or job.deferredFailure:
        return False
    return job.delay_before_next(error) is None


def _without_values(event: Event, _hint: object) -> Event:
    """Take the tracebacks out of an event's lines of the log: loguru shows the values of variables in them."""
    crumbs = cast("dict[str, object]", event.get("breadcrumbs") or {}).get("values", [])
    for crumb in cast("list[dict[str, object]]", crumbs):
        if isinstance(text := crumb.get("message"), str):
            crumb["message"] = redact_text(text.partition(_TRACEBACK)[0].rstrip())
    return event


def _hide_passwords(event: Event) -> None:
    values = event.get("exception", {}).get("values", [])
    for value in cast("list[dict[str, object]]", values):
        if isinstance(text := value.get("value"), str):
            value["value"] = redact_text(text)
