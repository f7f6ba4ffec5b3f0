"""`JobRunner`: makes one attempt at one job: validate, open the session, call the handler, dump the result, commit."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Concatenate, Generic, Protocol, TypeAlias, TypeVar, cast

from midday_worker.databases import Database, session_scope
from midday_worker.engine.job.attempt import Attempt, run_plain
from midday_worker.engine.job.job import Job
from midday_worker.engine.wire.options import version_of
from midday_worker.errors import NonRetryableError, PayloadError, ResultError
from midday_worker.handling.attempt_call import AttemptCall
from midday_worker.handling.context import JobContext
from midday_worker.handling.dependencies import Need, is_asynchronous, needs_of
from midday_worker.handling.loop_channel import LoopChannel
from midday_worker.handling.opened import Held, opened
from midday_worker.handling.process_handler import PlainHandler
from midday_worker.handling.time_limit import TimeLimit
from midday_worker.schema.schema import InvalidValue, JsonValue, Schema, dump_untyped
from midday_worker.schema.versions import Versions
from midday_worker.settings.logs import job_logger

if TYPE_CHECKING:
    from loguru import Logger
    from sqlalchemy.ext.asyncio import AsyncSession

P = TypeVar("P")
R = TypeVar("R")

AsyncHandler: TypeAlias = (
    Callable[[P, JobContext], Awaitable[R]] | Callable[Concatenate[P, JobContext, ...], Awaitable[R]]
)


class ExecutableJob(Protocol):
    """The least that a job has to be to be executed: what a test's plain fake offers."""

    @property
    def id(self) -> str:
        """The job's id."""
        ...

    @property
    def data(self) -> object:
        """The payload as stored: JSON values."""
        ...

    def updateProgress(self, progress: float | dict[str, object], /) -> Awaitable[object]:
        """Store how far the job is."""
        ...


class InvalidStoredPayload(PayloadError, NonRetryableError):
    """The stored payload doesn't match the schema: the job fails at once and keeps its data."""


def attempt_of(job: ExecutableJob) -> Attempt:
    """Return a job's attempt; of a test's fake, one that no worker knows of."""
    return job.attempt if isinstance(job, Job) else Attempt()


@dataclass(frozen=True, slots=True)
class JobRunner(Generic[P, R]):
    """How to run one job once. The same path serves the worker, `execute()` and tests."""

    name: str
    queue: str
    schema: Schema[P]
    result_schema: Schema[R] | None
    handler: AsyncHandler[P, R] | PlainHandler[P, R]
    versions: Versions[P]
    """The payload's."""
    source: Callable[..., object] | None = None
    """The function to look for when the time is over, if that isn't `handler`."""
    is_async: bool = field(init=False)
    needs: tuple[Need, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "needs", needs_of(self.handler))
        # Asked once and not for each job: it costs as much as validating a payload.
        object.__setattr__(self, "is_async", is_asynchronous(self.handler))

    async def run(self, job: ExecutableJob, db: AsyncSession, timeout_ms: int | None = None) -> R:
        """Validate the payload, call the handler, and return its validated result.

        Raises:
            PayloadError: the payload doesn't match the schema.
            ResultError: the result doesn't match the declared type.
            JobTimeoutError: the handler took longer than `timeout_ms`.
        """
        payload = self.parse(job.data, version_of(job.opts) if isinstance(job, Job) else None)
        return await self._run(payload, job, db, timeout_ms, None)

    async def run_stored(self, call: AttemptCall[P], database: Database | None, held: Held | None) -> R:
        """Run a job of the queue in a session of its own, and return its validated result.

        The result is dumped, as the attempt's `result_text`, then the session committed: a result that can't be stored
        commits nothing.
        """
        attempt, scope = call.job.attempt, session_scope(database)
        async with scope as session:
            attempt.release = scope.give_up
            attempt.enter_handler()
            try:
                if call.is_replaced:
                    attempt.payload_text = self.schema.dump_text(call.payload)
                result = await self._run(call.payload, call.job, session, attempt.timeout_ms, held)
            except BaseException as error:
                attempt.leave_handler(error)
                raise
            attempt.leave_handler()
            attempt.result_text = self.dump_text(result)
        return result

    def parse(self, data: object, version: int | None = None) -> P:
        """Return the payload of a stored job. Raises PayloadError, which forbids a retry.

        Args:
            data: its JSON values.
            version: the job's; None for the newest, as of a test's fake.
        """
        try:
            return self.schema.validate_wire(data) if version is None else self.versions.parse(data, version)
        except InvalidValue as error:
            raise InvalidStoredPayload(self.name, error.problems, "stored payload") from error

    def validate(self, payload: object) -> P:
        """Return a payload of this program's, validated. Raises PayloadError."""
        try:
            return self.schema.validate(payload)
        except InvalidValue as error:
            raise PayloadError(self.name, error.problems) from error

    def checked(self, result: R) -> R:
        """Return the result, validated where its type is declared. Raises ResultError."""
        if self.result_schema is None:
            return result
        try:
            return self.result_schema.validate(result)
        except InvalidValue as error:
            raise ResultError(self.name, type(result).__name__, str(error)) from error

    def dump(self, result: R) -> JsonValue:
        """Return the result's JSON form. Raises ResultError."""
        try:
            return dump_untyped(result) if self.result_schema is None else self.result_schema.dump(result)
        except InvalidValue as error:
            raise ResultError(self.name, type(result).__name__, str(error)) from error

    def dump_text(self, result: R) -> str:
        """Return the result as JSON text. Raises ResultError."""
        if self.result_schema is None:
            return "null" if result is None else json.dumps(self.dump(result), separators=(",", ":"))
        try:
            return self.result_schema.dump_text(result)
        except InvalidValue as error:
            raise ResultError(self.name, type(result).__name__, str(error)) from error

    async def _run(
        self, payload: P, job: ExecutableJob, db: AsyncSession, timeout_ms: int | None, held: Held | None
    ) -> R:
        context = JobContext(cast("Job", job), db, self._logger(job), attempt_of(job))
        return self.checked(await self._within(timeout_ms, payload, context, held))

    async def _within(self, timeout_ms: int | None, payload: P, context: JobContext, held: Held | None) -> R:
        channel = None if self.is_async else LoopChannel(self.name, context)
        given = context if channel is None else channel.context
        if timeout_ms is None:
            return await self._called(payload, context, channel, held)
        with TimeLimit(self.name, timeout_ms, (context.attempt,), self.source or self.handler, given):
            return await self._called(payload, context, channel, held)

    async def _called(self, payload: P, context: JobContext, channel: LoopChannel | None, held: Held | None) -> R:
        if not self.needs:
            return await self._call(payload, context, channel, {})
        async with opened(self.needs, context.attempt.resources.run_plain, context, held) as dependencies:
            return await self._call(payload, context, channel, dependencies)

    async def _call(
        self, payload: P, context: JobContext, channel: LoopChannel | None, dependencies: Mapping[str, object]
    ) -> R:
        if channel is None:
            return await cast("Callable[..., Awaitable[R]]", self.handler)(payload, context, **dependencies)
        return await self._in_thread(payload, context, channel, dependencies)

    async def _in_thread(
        self, payload: P, context: JobContext, channel: LoopChannel, dependencies: Mapping[str, object]
    ) -> R:
        # A plain function may block: it runs in a thread, so that the loop goes on.
        handler = cast("Callable[..., R]", self.handler)
        try:
            return cast("R", await run_plain([context.attempt], handler, payload, channel.context, **dependencies))
        finally:
            channel.close()

    def _logger(self, job: ExecutableJob) -> Logger:
        made = getattr(job, "attemptsMade", 0)
        return job_logger(job_id=str(job.id), job=self.name, queue=self.queue, attempt=int(made) + 1)
