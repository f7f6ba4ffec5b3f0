"""`LogTail`: the newest lines of a job's log, and then those that come."""

from __future__ import annotations

from typing import Final, cast

from midday_worker.admin import read_log
from midday_worker.engine.producer.queue import Queue
from midday_worker.handles.job_log import overlap

MOST: Final = 2_000
"""How many lines are read at once, the newest ones."""


class LogTail:
    """Reads a log from its newest lines on.

    Args:
        queue: the job's queue.
        job_id: the job.

    Attributes:
        earlier: how many older lines there were at the first reading.
        has_read: whether it was read at all.
    """

    def __init__(self, queue: Queue, job_id: str) -> None:
        self.earlier = 0
        self.has_read = False
        self._queue = queue
        self._job_id = job_id
        self._seen: list[str] = []
        self._last = 0

    async def read(self) -> list[str]:
        """Return the lines that have come since the last call; of lines that are all alike, some may be left out."""
        if self._seen:
            # The usual case: the last line seen is still in its place. A bounded log drops its oldest ones.
            found = await self._from(self._last)
            if found and found[0] == self._seen[-1]:
                self._last += len(found) - 1
                self._seen = [*self._seen, *found[1:]][-MOST:]
                return found[1:]
        log = await read_log(self._queue, self._job_id, MOST)
        self.has_read = True
        if not self._seen:
            self.earlier = max(0, log.total - len(log.lines))
        lines = list(log.lines)
        new = lines[overlap(self._seen, lines) :]
        self._seen, self._last = lines or self._seen, max(0, log.total - 1)
        return new

    async def _from(self, first: int) -> list[str]:
        key = self._queue.toKey(f"{self._job_id}:logs")
        async with self._queue.bounded(f"read the log of job {self._job_id} of queue {self._queue.name}"):
            return cast("list[str]", await self._queue.ask("LRANGE", key, first, first + MOST))
