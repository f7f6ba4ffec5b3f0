"""Following one job from any process: its state, progress, log and result."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, TypeVar, cast

from midday_worker.engine.following.state_snapshot import Ending
from midday_worker.engine.following.waiter import Waiter, ended
from midday_worker.engine.job.job import Job
from midday_worker.errors import (
    EngineError,
    JobFailedError,
    JobNotFoundError,
    JobResultTimeoutError,
    RedisUnavailableError,
)
from midday_worker.handles.acts import JobActs
from midday_worker.handles.job_log import LogReader
from midday_worker.schema.schema import JsonValue
from midday_worker.settings.durations import Duration, to_milliseconds

ResultT_co = TypeVar("ResultT_co", covariant=True)

_LOG_INTERVAL_S: Final = 0.25  # BullMQ has no event for a new row
_LONGEST_FOR_STATE_S: Final = 1.0
_ENDED: Final = ("completed", "failed", "unknown")


@dataclass(frozen=True, slots=True)
class Following(JobActs[ResultT_co]):
    """What can be followed of a job. A `JobHandle` is one."""

    ending: Ending | None = field(default=None, repr=False, compare=False, kw_only=True)
    """How it ended, of a handle that `as_completed` gave."""

    async def state(self) -> str:
        """Return the state as BullMQ names it: waiting, active, completed, failed, delayed ...; "unknown" if gone."""
        return await self.client.state(self.queue, self.id)

    async def attempts(self) -> int:
        """Return how often it has been tried, a running attempt not counted. Raises JobNotFoundError."""
        made = await self.client.attempts(self.queue, self.id)
        if made is None:
            raise JobNotFoundError(job_id=self.id, queue=self.queue)
        return made

    async def fetch(self) -> Job:
        """Return BullMQ's job as it is now. Raises JobNotFoundError."""
        job = await self.client.find(self.queue, self.id)
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
        return self.result_of(ending)

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
        rows = await self.client.logs(self.queue, self.id)
        if not rows:
            await self.attempts()
        return rows

    async def tail(self) -> AsyncGenerator[str]:
        """Yield the rows of the job's log, and each new one within about 250 ms. Ends with the job.

        Raises:
            JobNotFoundError: the job is gone.
        """
        log = LogReader(self.client, self.queue, self.id)
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

    def wait(self, on_progress: Callable[[str], None] | None = None) -> Waiter:
        """Return a waiter for the job's end, to be left with `waiter.leave(waiter)`."""
        if self.ending is not None:
            return ended(self.id, self.ending)
        return self.client.wait_for(self.queue, self.id, on_progress)

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
        return self.source.parse_result(ending.value)

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
