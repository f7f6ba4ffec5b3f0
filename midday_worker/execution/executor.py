"""What the worker calls with each job: find its definition, or park it; then make one attempt."""

from __future__ import annotations

import json
import time
from typing import Final

from loguru import logger

from midday_worker.database import Database
from midday_worker.definition.definition import JobDefinition
from midday_worker.definition.registry import JobRegistry
from midday_worker.engine.job.interruption import forget_cancellations
from midday_worker.engine.job.job import Job
from midday_worker.engine.wire.options import (
    WireOptions,
    attempts_of,
    encode,
    extras_of,
    fill_in,
    milliseconds_of,
    version_of,
)
from midday_worker.engine.worker.settlement import Park
from midday_worker.errors import (
    MiddayWorkerError,
    NewerVersionError,
    NoHandlerError,
    NonRetryableError,
    UnknownJobError,
)
from midday_worker.execution.collector import Collector
from midday_worker.execution.retries import decide
from midday_worker.handling.hook_chain import HookChain
from midday_worker.options import ResolvedOptions
from midday_worker.options.deadline import check_deadline
from midday_worker.settings.logs import job_logger, running_job

_FIRST_PARK_MS: Final = 5_000
_LONGEST_PARK_MS: Final = 600_000


class Executor:
    """Executes jobs of a registry.

    Args:
        registry: the jobs that this worker knows.
        database: where `ctx.db` goes; None if none is configured.
        unknown_job_retries: how often a job without a handler here is parked before it fails; the default of 12 is
            about an hour, time for a rolling deploy to bring the worker that knows it.
        outcome_level: the level of the line that tells of each job's completion.
    """

    def __init__(
        self,
        registry: JobRegistry,
        database: Database | None,
        unknown_job_retries: int,
        outcome_level: str = "INFO",
    ) -> None:
        self._registry = registry
        self._database = database
        self._unknown_job_retries = unknown_job_retries
        self._outcome_level = outcome_level
        self._collector = Collector(database)
        self._encoded: dict[str, tuple[ResolvedOptions, WireOptions]] = {}

    async def __call__(self, job: Job) -> str:
        """Make one attempt and return the result as JSON text. What it raises fails the attempt."""
        if job.unreadable is not None:
            raise NonRetryableError(job.unreadable)
        definition = self._registry.find(job.name)
        if definition is None or not definition.has_handler or version_of(job.opts) > definition.version:
            raise job.refusal or self._unknown(job, definition)
        job.attempt.version = definition.version
        token = running_job.set(_fields(job))
        try:
            return await self._attempt(job, definition)
        finally:
            running_job.reset(token)

    def close(self) -> None:
        """End the waits of jobs for others of their batch: no further one is going to come."""
        self._collector.close()

    async def _attempt(self, job: Job, definition: JobDefinition[object, object]) -> str:
        options = definition.options
        fill_in(job.opts, self._defaults(definition.id, options))
        job.attempts = attempts_of(job.opts)
        started = time.perf_counter()
        logger.debug("started")
        try:
            result = await self._run(definition, job)
        except BaseException:
            job.attempt.took_ms = _since(started)  # logged where it is known what follows
            raise
        logger.log(self._outcome_level, "completed in {ms} ms", ms=_since(started))
        return result

    async def _run(self, definition: JobDefinition[object, object], job: Job) -> str:
        attempt, hooks = job.attempt, self._hooks(definition, job)

        async def failed(error: BaseException) -> None:
            decide(job, definition.options, error)
            if hooks is not None:
                running_job.set(_fields(job))  # of a handler that isn't waited for, this is another task
                await hooks.failed(error)

        attempt.on_abandoned = failed
        try:
            if job.refusal is not None:
                raise job.refusal
            timeout_ms = _limits(job, definition.options)
            if hooks is not None:
                await hooks.start()
            result = await self._handle(definition, job, timeout_ms)
        except BaseException as error:
            await forget_cancellations()  # or the hooks' own groups would be misled
            if not attempt.abandoned and not attempt.cut_short:
                await failed(error)
            raise
        await forget_cancellations()
        attempt.cut_short = False  # it came too late
        if hooks is not None:
            await hooks.succeeded(result)
        return result

    async def _handle(self, definition: JobDefinition[object, object], job: Job, timeout_ms: int | None) -> str:
        if definition.batch_runner is not None:
            return await self._collector.run(definition.batch_runner, job, timeout_ms)
        return await definition.runner.run_stored(job, self._database, timeout_ms)

    def _hooks(self, definition: JobDefinition[object, object], job: Job) -> HookChain | None:
        """Return what hears of this job; None, which costs nothing further, if nobody does."""
        levels = (self._registry.hooks, self._registry.hooks_of(definition.queue), definition.hooks)
        if not any(levels):
            return None
        return HookChain(
            levels,
            job,
            lambda data: definition.runner.parse(data, version_of(job.opts)),
            lambda text: definition.parse_result(json.loads(text), definition.version),
        )

    def _defaults(self, name: str, options: ResolvedOptions) -> WireOptions:
        """Return a definition's options as BullMQ has them, encoded once and not for each job."""
        known = self._encoded.get(name)
        if known is None or known[0] is not options:
            known = self._encoded[name] = (options, encode(options))
        return known[1]

    def _unknown(self, job: Job, declared: JobDefinition[object, object] | None) -> Exception:
        if declared is None:
            unknown: MiddayWorkerError = UnknownJobError(job.name, self._registry.near(job.name), len(self._registry))
            other = f"A worker of queue {job.queue.name} that isn't deployed yet may know it"
        elif declared.has_handler:
            unknown = NewerVersionError(job.name, version_of(job.opts), declared.version)
            other = f"A worker of queue {job.queue.name} that isn't deployed yet may know it"
        else:
            unknown = NoHandlerError(job.name, declared.defined_at)
            other = f"Left to the other workers of queue {job.queue.name}"
        parked = job.parked
        log = job_logger(job_id=job.id, job=job.name, queue=job.queue.name, attempt=job.attemptsMade + 1)
        if parked >= self._unknown_job_retries:
            return NonRetryableError(f"{unknown} Given up after {parked} tries.")
        delay = min(_LONGEST_PARK_MS, _FIRST_PARK_MS * 2**parked)
        log.warning(
            "{reason} {other}: parked for {seconds} s ({parked} of {limit}).",
            reason=unknown,
            other=other,
            seconds=delay // 1000,
            parked=parked + 1,
            limit=self._unknown_job_retries,
        )
        return Park(delay)


def _fields(job: Job) -> dict[str, object]:
    return {"job_id": job.id, "job": job.name, "queue": job.queue.name, "attempt": job.attemptsMade + 1}


def _limits(job: Job, options: ResolvedOptions) -> int | None:
    """Return the attempt's limit in milliseconds. Raises JobDeadlineError if it comes too late."""
    timeout, retry, last = options.timeout, options.retry_on_timeout, None
    extras = extras_of(job.opts)
    if extras:
        of_call = milliseconds_of(extras, "timeout")
        timeout = timeout if of_call is None else of_call or None
        retry = bool(extras.get("retryOnTimeout", retry))
        last = milliseconds_of(extras, "deadline")
    if last is None and isinstance(options.deadline, int):
        last = _due_ms(job) + options.deadline
    if last:
        check_deadline(job.name, last)
    if not retry:
        job.attempt.retry_on_timeout = False
    return timeout


def _due_ms(job: Job) -> int:
    # The id of a schedule's run ends with the moment that it is for.
    due = job.id.rpartition(":")[2] if job.repeatJobKey else ""
    return int(due) if due.isdecimal() else job.timestamp


def _since(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)
