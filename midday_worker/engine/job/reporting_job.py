"""A running job that reports: its progress and the rows of its log are stored late, rather than never, or twice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

from midday_worker.engine.job.outage_retries import OutageRetries
from midday_worker.engine.job.stoppable_job import StoppableJob
from midday_worker.engine.redis.translation import UNREACHABLE, Writing, was_never_sent
from midday_worker.engine.wire.failure import LONGEST_REASON, storable
from midday_worker.errors import JobNotFoundError

T = TypeVar("T")


class ReportingJob(StoppableJob):
    """What a handler tells and asks Redis. In a handler that waits while Redis is away; for anybody else it raises."""

    outage_retries: OutageRetries | None = None
    """What waits, of a job that a worker runs."""
    _progresses: int = 0
    _rows_begun: int = 0
    _rows_done: int = 0

    async def updateProgress(self, progress: object) -> None:
        """Store how far the job is, as Node's `Job.updateProgress`; of a handler that was given up, nothing more.

        While Redis is away this waits, as Node's does, and is dropped if a newer progress comes. After a lost reply it
        is stored again: who listens to events may then hear of it twice.
        """
        self._progresses += 1
        number, store = self._progresses, super().updateProgress

        async def store_newest() -> None:
            if number == self._progresses and not self.abandoned:
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
            if self.abandoned:
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
        if self.outage_retries is None or not self.is_in_handler:
            return await step()
        writing = None if again is None else Writing(ids=(self.id,), again=again)
        try:
            return await self.outage_retries.run(self, f"{action} of job {self.id}", step, writing)
        except TypeError as error:  # bullmq's type for what its scripts refuse
            if "Missing key" not in str(error):
                raise
            raise JobNotFoundError(job_id=self.id, queue=self.queue.name) from error

    async def _last_rows(self, count: int) -> list[str]:
        return cast("list[str]", await self.backend.conn.lrange(self._log_key, -count, -1))

    @property
    def _log_key(self) -> str:
        return f"{self.backend.toKey(self.id)}:logs"
