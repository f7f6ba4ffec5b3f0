"""What the worker calls with each job: find its definition, or park it; then make one attempt."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Never

from loguru import logger

from midday_worker.databases import Database
from midday_worker.definition.definition import JobDefinition
from midday_worker.definition.registry import JobRegistry
from midday_worker.engine.job.interruption import forget_cancellations
from midday_worker.engine.job.job import Job
from midday_worker.engine.wire.options import (
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
    PayloadError,
    UnknownJobError,
)
from midday_worker.execution.attempt_chain import AnyCall, AnyNext, compose, guarded
from midday_worker.execution.collector import Collector
from midday_worker.execution.retries import decide
from midday_worker.handling.attempt_call import AttemptCall, AttemptMiddleware
from midday_worker.handling.hook_chain import AnyHooks, HookChain
from midday_worker.handling.opened import Held
from midday_worker.options import ResolvedOptions
from midday_worker.options.deadline import check_deadline
from midday_worker.settings.logs import job_logger, running_job

_FIRST_PARK_MS: Final = 5_000
_LONGEST_PARK_MS: Final = 600_000


@dataclass(frozen=True, slots=True)
class _Chain:
    """All that is done in an attempt at a definition's jobs, and what it was made of."""

    definition: JobDefinition[object, object]
    options: ResolvedOptions
    users: tuple[AttemptMiddleware[object, object], ...]
    run: AnyNext


class _NoPayloads:
    """Stands for the payloads of jobs that nobody here knows."""

    def parse(self, data: object, version: int | None = None) -> Never:
        raise MiddayWorkerError("Nobody here knows the payloads of this job.")

    def validate(self, payload: object) -> Never:
        self.parse(payload)


_NO_PAYLOADS: Final = _NoPayloads()


class Executor:
    """Executes jobs of a registry.

    Args:
        registry: the jobs that this worker knows.
        database: where `ctx.db` goes; None if none is configured.
        unknown_job_retries: how often a job without a handler here is parked before it fails; the default of 12 is
            about an hour, time for a rolling deploy to bring the worker that knows it.
        outcome_level: the level of the line that tells of each job's completion.
        around: what is around each attempt beside what users have added, the outermost first.
        held: what handlers depend on and the worker holds for them.
    """

    def __init__(
        self,
        registry: JobRegistry,
        database: Database | None,
        unknown_job_retries: int,
        outcome_level: str = "INFO",
        around: Sequence[AttemptMiddleware[object, object]] = (),
        held: Held | None = None,
    ) -> None:
        self._registry = registry
        self._database = database
        self._unknown_job_retries = unknown_job_retries
        self._outcome_level = outcome_level
        self._around = around
        self._held = held
        self._collector = Collector(database, held)
        self._chains: dict[str, _Chain] = {}
        self._refused = compose(around, self._refuse)

    async def __call__(self, job: Job) -> str:
        """Make one attempt and return the result as JSON text. What it raises fails the attempt."""
        definition = self._registry.find(job.name)
        if definition is None or _is_refused(job, definition):
            await self._refused(AttemptCall(job, _NO_PAYLOADS))
        else:
            job.attempt.version = definition.version
            await self._chain(definition)(AttemptCall(job, definition.runner))
        return job.attempt.result_text or ""  # never empty: whatever succeeds has stored a result

    def close(self) -> None:
        """End the waits of jobs for others of their batch: no further one is going to come."""
        self._collector.close()

    def _chain(self, definition: JobDefinition[object, object]) -> AnyNext:
        """Return all that is done in an attempt at one of a definition's jobs, composed once and not for each job."""
        users, options, known = definition.middleware.attempt, definition.options, self._chains.get(definition.id)
        if known is None or known.options is not options or known.users != users or known.definition is not definition:
            known = self._chains[definition.id] = _Chain(definition, options, users, self._compose(definition, users))
        return known.run

    def _compose(
        self, definition: JobDefinition[object, object], users: Sequence[AttemptMiddleware[object, object]]
    ) -> AnyNext:
        own = [bound_logger, self._outcome(definition), self._hooks(definition)]
        innermost = self._handler(definition, seen=bool(users))
        return compose([*self._around, *own, *guarded(definition.runner, users)], innermost)

    def _outcome(self, definition: JobDefinition[object, object]) -> AttemptMiddleware[object, object]:
        """Return what gives a job of Node's the options that it lacks, and logs the attempt's start and success."""
        defaults, level = encode(definition.options), self._outcome_level

        async def outcome(call: AnyCall, call_next: AnyNext) -> object:
            job = call.job
            fill_in(job.opts, defaults)
            job.attempts = attempts_of(job.opts)
            started = time.perf_counter()
            logger.debug("started")
            try:
                result = await call_next(call)
            except BaseException:
                job.attempt.took_ms = _since(started)  # logged where it is known what follows
                raise
            logger.log(level, "completed in {ms} ms", ms=_since(started))
            return result

        return outcome

    def _hooks(self, definition: JobDefinition[object, object]) -> AttemptMiddleware[object, object]:
        """Return what decides on another attempt, and tells the hooks."""
        options = definition.options
        levels = (self._registry.hooks, self._registry.hooks_of(definition.queue), definition.hooks)

        async def hooks(call: AnyCall, call_next: AnyNext) -> object:
            job, attempt = call.job, call.job.attempt
            # What hears of this job; None, which costs nothing further, if nobody does.
            chain = _hook_chain(definition, job, levels, self._held) if any(levels) else None

            async def failed(error: BaseException) -> None:
                decide(job, options, error)
                if chain is not None:
                    running_job.set(_fields(job))  # of a handler that isn't waited for, this is another task
                    await chain.failed(error)

            attempt.on_abandoned = failed
            try:
                if job.refusal is not None:
                    raise job.refusal
                if self._registry.queues.required:
                    _check_keys(job, definition)
                attempt.timeout_ms = _limits(job, options)
                if chain is not None:
                    await chain.start()
                result = await call_next(call)
            except BaseException as error:
                await forget_cancellations()  # or the hooks' own groups would be misled
                if not attempt.abandoned and not attempt.cut_short:
                    await failed(error)
                raise
            await forget_cancellations()
            attempt.cut_short = False  # it came too late
            if chain is not None and attempt.result_text is not None:
                await chain.succeeded(attempt.result_text)
            return result

        return hooks

    def _handler(self, definition: JobDefinition[object, object], *, seen: bool) -> AnyNext:
        """Return what runs the handler; with `seen`, its result is looked at."""
        runner, batch, database, held = definition.runner, definition.batch_runner, self._database, self._held
        if batch is None:
            return lambda call: runner.run_stored(call, database, held)

        async def joined(call: AnyCall) -> object:
            call.job.attempt.result_text = text = await self._collector.run(batch, call)
            return definition.parse_result(json.loads(text), definition.version) if seen else None

        return joined

    def _refuse(self, call: AnyCall) -> Never:
        job, definition = call.job, self._registry.find(call.job.name)
        if job.unreadable is not None:
            raise NonRetryableError(job.unreadable)
        raise job.refusal or self._unknown(job, definition)

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


def _check_keys(job: Job, definition: JobDefinition[object, object]) -> None:
    """Raise NonRetryableError if a payload lacks a key that a limit of its queue requires."""
    text, version = json.dumps(job.data), version_of(job.opts)
    try:
        if version < definition.version:  # whose keys may have had other names
            text = definition.schema.dump_text(definition.runner.parse(job.data, version))
        definition.check_keys(text)
    except PayloadError as error:
        raise NonRetryableError(str(error)) from error


def _is_refused(job: Job, definition: JobDefinition[object, object]) -> bool:
    return job.unreadable is not None or not definition.has_handler or version_of(job.opts) > definition.version


def _hook_chain(
    definition: JobDefinition[object, object], job: Job, levels: tuple[AnyHooks, ...], held: Held | None
) -> HookChain:
    return HookChain(
        levels,
        job,
        lambda data: definition.runner.parse(data, version_of(job.opts)),
        lambda text: definition.parse_result(json.loads(text), definition.version),
        held,
    )


async def bound_logger(call: AnyCall, call_next: AnyNext) -> object:
    """Let each line that is logged meanwhile say which job it belongs to."""
    token = running_job.set(_fields(call.job))
    try:
        return await call_next(call)
    finally:
        running_job.reset(token)


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
