"""BullMQ's job with the methods that the Python port lacks, and a failure path that can't get stuck."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from functools import cached_property, partial
from typing import Final, TypedDict, TypeVar, cast

import bullmq

from midday_worker.engine.job.attempt import Attempt
from midday_worker.engine.redis.error_translation import UNREACHABLE, Writing, was_never_sent
from midday_worker.engine.redis.gone import GONE
from midday_worker.engine.wire.backoff import is_final, retry_delay_ms
from midday_worker.engine.wire.child_kinds import ChildKinds
from midday_worker.engine.wire.failure import LONGEST_REASON, reason_of, stack_of, storable
from midday_worker.engine.wire.options import extras_of, longest_backoff
from midday_worker.engine.wire.places import PARKED_AT
from midday_worker.engine.wire.stored_fields import PARKED, RESULT_VERSION, RawJob, parse_fields
from midday_worker.errors import CANCELLED, JobCancelledError, JobNotFoundError, JobTimeoutError, NonRetryableError

T = TypeVar("T")

_DEFAULT_STACKS: Final = 10


class Dependencies(TypedDict):
    """A parent's children by outcome; values by the child's key `prefix:queue:id`."""

    processed: dict[str, object]
    unprocessed: list[str]
    failed: list[str]
    ignored: dict[str, str]


class DependenciesCount(TypedDict):
    """How many of a parent's children are in each outcome."""

    processed: int
    unprocessed: int
    failed: int
    ignored: int


class Job(bullmq.Job):
    """One job as a worker or a reader sees it. `ctx.job` is this: BullMQ's job, with BullMQ's names."""

    processedBy: str | None = None
    """The name of the worker that ran it last, where that worker has one."""
    unreadable: str | None = None
    """Why the stored job can't be run, if it can't: its fields are not JSON, or its hash is gone."""
    is_gone: bool = False
    """Whether its hash is gone, but for what BullMQ has written of an id without a job; see `gone.py`."""
    parked: int = 0
    """How often a worker has put it off that has no handler for it."""
    result_version: int = 1
    """The version of the worker that wrote its result."""
    waits_for: str | None = None
    """The key, as `path=value`, in whose limit it waits for a place, if it is delayed."""
    _progresses: int = 0
    _rows_begun: int = 0
    _rows_done: int = 0

    @cached_property
    def attempt(self) -> Attempt:
        """The attempt under way, which a worker sets; of a job that no worker runs, one that nobody tells to stop."""
        return Attempt()

    @property
    def cancelled(self) -> bool:
        """Whether the attempt under way has been told to stop."""
        return self.attempt.cancelled

    @classmethod
    def from_raw(cls, queue: bullmq.Queue, raw: RawJob, job_id: str) -> Job:
        """Make a job from its hash. A hash that can't be read makes a job that says so, never an error."""
        try:
            job = cls._parse(queue, raw, job_id)
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            job = cls(queue, storable(raw.get("name") or "", LONGEST_REASON), None, {}, job_id)
            job.unreadable = f"The stored job can't be read: {reason_of(error)}"
            job.failedReason = raw.get("failedReason")
            job.attemptsMade = _count(raw.get("atm"))
        if "name" not in raw:
            job.is_gone = raw.keys().isdisjoint(("data", "timestamp"))
            job.unreadable = GONE if job.is_gone else "The stored job can't be read: its name is gone"
        return job

    @classmethod
    def _parse(cls, queue: bullmq.Queue, raw: RawJob, job_id: str) -> Job:
        job = cls.__new__(cls)
        # Not through __init__, which does more work than all else on a job's way through a worker.
        vars(job).update(parse_fields(raw))
        if PARKED in raw:
            job.parked = _count(raw[PARKED])
        if RESULT_VERSION in raw:
            job.result_version = _count(raw[RESULT_VERSION])
        if PARKED_AT in raw:
            job.waits_for = raw[PARKED_AT].partition(":")[2]
        job.id, job.queue, job.backend, job.queueQualifiedName = job_id, queue, queue.backend, queue.qualifiedName
        return job

    @property
    def refusal(self) -> NonRetryableError | None:
        """Why no further attempt may be made, if that was decided before: it was cancelled, or a child has failed."""
        reason = self.deferredFailure
        if not reason:
            return None
        return JobCancelledError(reason) if reason.startswith(CANCELLED) else NonRetryableError(reason)

    def note_failure(self, error: BaseException) -> dict[str, str]:
        """Keep the reason and the stack of a failed attempt; return the fields to be stored."""
        self.failedReason = reason_of(error)
        self._keep_stack(stack_of(error))
        return {"failedReason": self.failedReason, "stacktrace": json.dumps(self.stacktrace)}

    def delay_before_next(self, error: BaseException) -> int | None:
        """Return how many ms to wait before the next attempt; None if there is none."""
        attempts = self.opts.get("attempts")
        attempts = attempts if isinstance(attempts, int) else 1
        if self.attemptsMade + 1 >= attempts or self.discarded or self.attempt.is_last or is_final(error):
            return None
        if isinstance(error, JobTimeoutError) and not self.attempt.retry_on_timeout:
            return None
        if self.attempt.next_delay_ms is not None:
            return self.attempt.next_delay_ms
        longest = longest_backoff(self.opts)
        delay = retry_delay_ms(error, self.opts.get("backoff"), self.attemptsMade + 1, longest)
        return None if delay < 0 else delay

    def _keep_stack(self, stack: str) -> None:
        limit = self.opts.get("stackTraceLimit")
        limit = limit if isinstance(limit, int) else _DEFAULT_STACKS
        self.stacktrace = [*self.stacktrace, stack][-limit:] if limit else []

    async def updateProgress(self, progress: object) -> None:
        """Store how far the job is, as Node's `Job.updateProgress`; of a handler that was given up, nothing more.

        While Redis is away this waits, as Node's does, and is dropped if a newer progress comes. After a lost reply it
        is stored again: who listens to events may then hear of it twice.
        """
        self._progresses += 1
        number, store = self._progresses, super().updateProgress

        async def store_newest() -> None:
            if number == self._progresses and not self.attempt.abandoned:
                await store(progress)

        await self._retry_outage("store the progress", store_newest, "The next one replaces it.")

    async def log(self, logRow: str) -> int:
        """Add a row to the job's log, as Node's `Job.log`: made storable and capped as reasons of failures are.

        While Redis is away this waits. After a lost reply it looks whether the row is there, and adds it if it isn't:
        no row is doubled, but of a row and the same one right before it, one may be missing.

        Returns how many rows there are; 0 for a handler that was given up, of which none is stored any more.
        """
        row, store, done_before = storable(logRow, LONGEST_REASON), super().log, self._rows_done
        self._rows_begun += 1
        may_be_there = False

        async def add() -> int:
            nonlocal may_be_there
            if self.attempt.abandoned:
                return 0
            # It can't be followed by more rows than were begun since.
            if may_be_there and row in await self._last_rows(self._rows_begun - done_before):
                return await self.backend.conn.llen(self._log_key)
            try:
                return await store(row)
            except UNREACHABLE as error:
                may_be_there = may_be_there or not was_never_sent(error)
                raise

        try:
            return await self._retry_outage("add a row to the log", add, "Added again, it may be there twice.")
        finally:
            self._rows_done += 1

    async def _retry_outage(self, action: str, step: Callable[[], Awaitable[T]], again: str | None = None) -> T:
        """Do it now; while Redis is away, raise, but let a handler wait that a worker runs."""
        attempt = self.attempt
        if (retries := attempt.resources.outage_retries) is None or not attempt.is_in_handler:
            return await step()
        writing = None if again is None else Writing(ids=(self.id,), again=again)
        try:
            return await retries.run(lambda: attempt.cancelled, f"{action} of job {self.id}", step, writing)
        except TypeError as error:  # bullmq's type for what its scripts refuse
            if "Missing key" not in str(error):
                raise
            raise JobNotFoundError(job_id=self.id, queue=self.queue.name) from error

    async def _last_rows(self, count: int) -> list[str]:
        return cast("list[str]", await self.backend.conn.lrange(self._log_key, -count, -1))

    @property
    def _log_key(self) -> str:
        return f"{self.backend.toKey(self.id)}:logs"

    async def getDependencies(self) -> Dependencies:
        """Return the job's children by outcome, as Node's `Job.getDependencies`."""
        return await self._retry_outage("read the children", self._dependencies)

    async def _dependencies(self) -> Dependencies:
        client, key = self.backend.conn, self.backend.toKey(self.id)
        processed = cast("dict[str, str]", await client.hgetall(f"{key}:processed"))
        unprocessed = cast("set[str]", await client.smembers(f"{key}:dependencies"))
        failed = cast("list[str]", await client.zrange(f"{key}:unsuccessful", 0, -1))  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
        ignored = cast("dict[str, str]", await client.hgetall(f"{key}:failed"))
        return {
            "processed": {child: _loads(value) for child, value in processed.items()},
            "unprocessed": sorted(unprocessed),
            "failed": list(failed),
            "ignored": dict(ignored),
        }

    async def getDependenciesCount(self) -> DependenciesCount:
        """Return how many children are in each outcome, as Node's `Job.getDependenciesCount`."""
        return await self._retry_outage("count the children", self._dependencies_count)

    async def _dependencies_count(self) -> DependenciesCount:
        key = self.backend.toKey(self.id)
        suffixes = ("processed", "dependencies", "failed", "unsuccessful")
        states = ["processed", "unprocessed", "ignored", "failed"]
        counts = cast(
            "list[int | None]",
            await self.backend.connection.commands["getDependencyCounts"](
                keys=[f"{key}:{suffix}" for suffix in suffixes], args=states
            ),
        )
        processed, unprocessed, ignored, failed = (int(count or 0) for count in counts)
        return {"processed": processed, "unprocessed": unprocessed, "failed": failed, "ignored": ignored}

    async def getChildrenValues(self) -> dict[str, object]:
        """Return the results of the children that completed, by the child's key `prefix:queue:id`."""
        read = partial(self.backend.getProcessedChildrenValues, self.id)
        values: dict[str, str] = await self._retry_outage("read the children's results", read)
        return {child: _loads(value) for child, value in values.items()}

    async def childrenNames(self) -> dict[str, str]:
        """Return the names of the children that completed, by the child's key.

        An addition of ours: BullMQ stores children's results without the children's names. Of children that were added
        elsewhere, those whose hash is gone are left out.
        """
        kinds = ChildKinds(extras_of(self.opts))

        async def read() -> dict[str, str | None]:
            keys = cast("list[str]", await self.backend.conn.hkeys(f"{self.backend.toKey(self.id)}:processed"))
            known = {key: kind.name for key in keys if (kind := kinds.find(key)) is not None}
            others = [key for key in keys if key not in known]
            names = await asyncio.gather(*(self.backend.conn.hget(key, "name") for key in others))
            return {**known, **dict(zip(others, cast("list[str | None]", names), strict=True))}

        names = await self._retry_outage("read the children's names", read)
        return {key: name for key, name in names.items() if name is not None}

    async def getIgnoredChildrenFailures(self) -> dict[str, str]:
        """Return the failed reasons of the children whose failure was ignored, by the child's key."""
        key = f"{self.backend.toKey(self.id)}:failed"
        failures = await self._retry_outage("read the children's failures", lambda: self.backend.conn.hgetall(key))
        return cast("dict[str, str]", failures)

    async def getFailedChildrenValues(self) -> dict[str, str]:
        """Return what `getIgnoredChildrenFailures` returns; Node's older name for it."""
        return await self.getIgnoredChildrenFailures()

    async def removeUnprocessedChildren(self) -> None:
        """Remove the children that have not ended and are not running, as Node's `Job.removeUnprocessedChildren`."""
        keys = self.backend.keys
        await self.backend.connection.commands["removeUnprocessedChildren"](
            keys=[self.backend.toKey(self.id), keys["meta"]], args=[keys[""], self.id]
        )

    async def detachPendingChildren(self) -> list[str]:
        """Detach the children that have not ended; return their keys.

        An addition of ours, for parents that a child's failure lets continue: BullMQ completes no job that has
        pending children.
        """
        parent = self.backend.toKey(self.id)
        pending = cast("set[str]", await self.backend.conn.smembers(f"{parent}:dependencies"))
        for child in sorted(pending):
            prefix = child.rpartition(":")[0] + ":"
            await self.backend.connection.commands["removeChildDependency"](keys=[prefix], args=[child, parent])
        return sorted(pending)

    async def clearLogs(self, keepLogs: int = 0) -> None:
        """Drop the job's log but for its last `keepLogs` lines, as Node's `Job.clearLogs`."""
        key = f"{self.backend.toKey(self.id)}:logs"
        if keepLogs:
            await self.backend.conn.ltrim(key, -keepLogs, -1)
        else:
            await self.backend.conn.delete(key)

    async def changeDelay(self, delay: int) -> None:
        """Make a delayed job wait `delay` ms from now, as Node's `Job.changeDelay`."""
        keys = self.backend.keys
        now = round(time.time() * 1000)
        code = cast(
            "int",
            await self.backend.connection.commands["changeDelay"](
                keys=[keys["delayed"], keys["meta"], keys["marker"], keys["events"]],
                args=[delay, now, self.id, self.backend.toKey(self.id)],
            ),
        )
        if code < 0:
            raise self.backend.scripts.finishedErrors(
                {"code": code, "jobId": self.id, "command": "changeDelay", "state": "delayed"}
            )
        self.delay = delay


def _count(text: str | None) -> int:
    try:
        return int(text or 0)
    except ValueError:
        return 0


def _loads(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text
