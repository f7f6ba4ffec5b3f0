"""`JobHandle` and `ScheduleHandle`: what the triggers return."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, Generic, TypeVar, cast

from midday_worker.client.client import JobClient
from midday_worker.engine.acts.cancellation import CancelOutcome
from midday_worker.engine.following.ending import Ending
from midday_worker.engine.following.waiter import Waiter, ended
from midday_worker.engine.job.job import Job
from midday_worker.engine.producer.schedule import Schedule
from midday_worker.errors import (
    EngineError,
    JobFailedError,
    JobNotFoundError,
    JobResultTimeoutError,
    RedisUnavailableError,
)
from midday_worker.handles.job_log import LogReader
from midday_worker.options import check_options
from midday_worker.queues import QueueDefinition
from midday_worker.request import JobSource
from midday_worker.schema.schema import JsonValue
from midday_worker.settings.durations import Duration, to_milliseconds

ResultT_co = TypeVar("ResultT_co", covariant=True)

_LOG_INTERVAL_S: Final = 0.25  # BullMQ has no event for a new row
_LONGEST_FOR_STATE_S: Final = 1.0
_ENDED: Final = ("completed", "failed", "unknown")


@dataclass(frozen=True, slots=True)
class JobHandle(Generic[ResultT_co]):
    """One triggered job, from any process: to look at it, follow it, wait for its result, and act on it.

    An act looks at the state and changes it in one step: one that succeeds found the job in a state that allows it.
    Each raises JobNotFoundError when Redis doesn't hold the job, JobStateError, with the state that was found, when the
    state doesn't allow the act, and RedisUnavailableError when Redis can't be reached.

    Attributes:
        id: the job's id; that of the job that stands for it, if this one was a duplicate.
        job: the job's name.
        queue: the queue's name.
        children: of a flow, the children's handles by position.
        added: whether the call made the job. False if it was a duplicate, and `id` is that of the job that was there;
            None of a handle that isn't a trigger's, and of a flow's node with a `job_id`.
    """

    id: str
    job: str
    queue: str
    client: JobClient = field(repr=False, compare=False)
    source: JobSource[ResultT_co] = field(repr=False, compare=False)
    children: tuple[JobHandle[object], ...] = ()
    added: bool | None = field(default=None, compare=False)
    ending: Ending | None = field(default=None, repr=False, compare=False, kw_only=True)
    """How it ended, of a handle that `as_completed` gave."""

    @property
    def _place(self) -> QueueDefinition:
        return QueueDefinition(self.queue, prefix=self.source.prefix)

    async def state(self) -> str:
        """Return the state as BullMQ names it: waiting, active, completed, failed, delayed ...; "unknown" if gone."""
        return await self.client.state(self._place, self.id)

    async def attempts_made(self) -> int:
        """Return how often it has been tried, a running attempt not counted. Raises JobNotFoundError."""
        made = await self.client.attempts(self._place, self.id)
        if made is None:
            raise JobNotFoundError(job_id=self.id, queue=self.queue)
        return made

    async def fetch(self) -> Job:
        """Return BullMQ's job as it is now. Raises JobNotFoundError."""
        job = await self.client.find(self._place, self.id)
        if job is None:
            raise JobNotFoundError(job_id=self.id, queue=self.queue)
        return job

    async def result(self, timeout: Duration | None = None) -> ResultT_co:  # noqa: ASYNC109 - waits by the stream
        """Wait for the job's end and return its validated result.

        However many wait, all of a client and queue share one connection.

        Args:
            timeout: how long to wait; None waits until the job ends, 0 only asks.

        Raises:
            JobFailedError: the job failed for good.
            JobResultTimeoutError: it hadn't ended in time.
            JobNotFoundError: Redis doesn't hold it: trimmed, removed, or never written.
        """
        timeout_ms = None if timeout is None else to_milliseconds(timeout, "result's timeout")
        waiter = self.wait()
        try:
            done, _ = await asyncio.wait((waiter.ending,), timeout=None if timeout_ms is None else timeout_ms / 1000)
            ending = waiter.ending.result() if done else await self.late_ending(waiter, timeout_ms or 0)
        finally:
            waiter.leave(waiter)
        return self.result_of(await self.with_version(ending))

    async def progress(self) -> AsyncGenerator[JsonValue]:
        """Yield the job's progress as it is and each time it changes: a number, or any JSON value. Ends with the job.

        Raises:
            JobNotFoundError: the job is gone.
        """
        news: asyncio.Queue[str | None] = asyncio.Queue()
        waiter = self.wait(news.put_nowait)
        waiter.ending.add_done_callback(lambda _: news.put_nowait(None))
        try:
            while (text := await news.get()) is not None:
                with suppress(ValueError):  # another program's, which is no JSON
                    yield cast("JsonValue", json.loads(text))
            self.refuse_missing(await waiter.ending)
        finally:
            waiter.leave(waiter)

    async def logs(self) -> list[str]:
        """Return the rows of the job's log. Raises JobNotFoundError."""
        rows = await self.client.logs(self._place, self.id)
        if not rows:
            await self.attempts_made()
        return rows

    async def tail(self) -> AsyncGenerator[str]:
        """Yield the rows of the job's log, and each new one within about 250 ms. Ends with the job.

        Raises:
            JobNotFoundError: the job is gone.
        """
        log = LogReader(self.client, self._place, self.id)
        waiter = self.wait()
        try:
            while True:
                has_ended = waiter.ending.done()
                with suppress(RedisUnavailableError):  # it is waited for until it is back
                    for row in await log.new_rows():
                        yield row
                if has_ended:
                    break
                await asyncio.wait((waiter.ending,), timeout=_LOG_INTERVAL_S)
            self.refuse_missing(await waiter.ending)
        finally:
            waiter.leave(waiter)

    async def retry(self, *, reset_attempts: bool = False) -> None:
        """Run a failed or completed job once more. A cancellation or a failure that was decided for it is forgotten.

        A parent waits for those of its children that haven't ended; one with a failed child, without which it can't
        complete, is refused: retry that first, or remove it.

        Args:
            reset_attempts: begin to count the attempts anew; else it gets one more.
        """
        await self.client.acts(self._place).retry(self.id, reset_attempts=reset_attempts)

    async def cancel(self, reason: str = "", *, children: bool = False) -> CancelOutcome:
        """Cancel the job, from any process: it ends failed, its reason `cancelled: ...`, and isn't tried again.

        A job that doesn't run never starts. One that runs is told to stop, in whatever process that is: an async
        handler by CancelledError, a plain function by `ctx.cancelled`. It may clean up for five seconds; its session is
        rolled back. If it ends before it is told, it ends as it would have.

        Args:
            reason: why, for whoever reads the failure.
            children: of a flow's parent that hasn't started, cancel those below it that haven't, too.

        Returns:
            "cancelled" if the job has ended so, now or before; "requested" if it runs and was told to stop.
        """
        return await self.client.acts(self._place).cancel(self.id, reason, children=children)

    async def promote(self) -> None:
        """Make a delayed job due now."""
        await self.client.acts(self._place).promote(self.id)

    async def remove(self, *, children: bool = False) -> None:
        """Remove a job that isn't running. Its parent, if it has one, goes on as if it had not been.

        Args:
            children: remove its children too; refused while one of them runs.
        """
        await self.client.acts(self._place).remove(self.id, children=children)

    async def reschedule(self, delay: Duration) -> None:
        """Make a delayed job due after `delay` from now on: milliseconds, "3d", or a timedelta. 0 is now."""
        delay_ms = to_milliseconds(delay, "reschedule's delay")
        await self.client.acts(self._place).reschedule(self.id, delay_ms)

    async def change_priority(self, priority: int) -> None:
        """Change the priority of a job that waits, is delayed, or waits for its children.

        Args:
            priority: 1 (first) to 2,097,151; 0 is none, and goes before all that have one.

        Raises:
            OptionError: the priority is out of range.
        """
        check_options({"priority": priority})
        await self.client.acts(self._place).change_priority(self.id, priority)

    async def update_data(self, payload: object) -> None:
        """Replace the payload of a job that waits, is delayed, waits for its children, or has failed.

        Args:
            payload: as for `trigger`; it is checked before anything is written.

        Raises:
            PayloadError: the payload doesn't match the job's schema.
        """
        request = self.source.dictionary_node(payload)
        self.client.check(request)
        await self.client.acts(self._place).update_data(self.id, request.text, request.version)

    def wait(self, on_progress: Callable[[str], None] | None = None) -> Waiter:
        """Return a waiter for the job's end, to be left with `waiter.leave(waiter)`."""
        if self.ending is not None:
            return ended(self.id, self.ending)
        return self.client.wait_for(self._place, self.id, on_progress)

    def result_of(self, ending: Ending) -> ResultT_co:
        """Return the result of a job that ended like this. Raises JobFailedError, JobNotFoundError."""
        self.refuse_missing(ending)
        if ending.outcome == "failed":
            raise JobFailedError(
                job=self.job,
                job_id=self.id,
                queue=self.queue,
                reason=ending.reason,
                attempts=ending.attempts,
                stacktrace=ending.stacktrace,
            )
        return self.source.parse_result(ending.value, ending.version)

    async def with_version(self, ending: Ending) -> Ending:
        """Return an end with the version of its result, where that matters and Redis still has it."""
        if ending.outcome != "completed" or ending.version is not None or not self.source.upcasts_results:
            return ending
        job = await self.client.find(self._place, self.id)
        return ending if job is None else replace(ending, version=job.result_version)

    def refuse_missing(self, ending: Ending) -> None:
        """Raise JobNotFoundError if the job is gone."""
        if ending.outcome == "missing":
            raise JobNotFoundError(job_id=self.id, queue=self.queue, why=ending.reason)

    async def late_ending(self, waiter: Waiter, timeout_ms: int) -> Ending:
        """Return how the job ended, of a wait whose time is up, if it has by now. Raises JobResultTimeoutError."""
        state = "not known"
        with suppress(EngineError, TimeoutError):
            async with asyncio.timeout(_LONGEST_FOR_STATE_S):
                state = await self.state()
                if state in _ENDED:  # but the answer that says how wasn't here in time: as of a limit of zero
                    return await asyncio.shield(waiter.ending)
        raise JobResultTimeoutError(job_id=self.id, queue=self.queue, timeout_ms=timeout_ms, state=state)


@dataclass(frozen=True, slots=True)
class ScheduleHandle:
    """One recurring job."""

    id: str
    job: str
    queue: str
    client: JobClient = field(repr=False, compare=False)
    source: JobSource[object] = field(repr=False, compare=False)

    @property
    def _place(self) -> QueueDefinition:
        return QueueDefinition(self.queue, prefix=self.source.prefix)

    async def fetch(self) -> Schedule | None:
        """Return the schedule as it is stored, or None when it is gone."""
        return await self.client.find_schedule(self._place, self.id)

    async def next_run(self) -> datetime | None:
        """Return when it fires next (UTC), or None when it is gone or has reached its limit."""
        schedule = await self.fetch()
        if schedule is None or schedule.next_run_ms is None or schedule.over:
            return None
        return datetime.fromtimestamp(schedule.next_run_ms / 1000, UTC)

    async def remove(self) -> bool:
        """Remove the schedule and its next run; False if it was gone already."""
        return await self.client.remove_schedule(self._place, self.id)
