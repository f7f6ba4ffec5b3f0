"""`LogReader`: what is new in a job's log, which drops its oldest rows when it is bounded."""

from __future__ import annotations

from typing import Final

from midday_worker.client.client import JobClient
from midday_worker.queues import QueueLike

ALL: Final = 2**53
"""More rows than a log can have."""


class LogReader:
    """Reads a job's log from its newest rows on, and then what has come.

    Args:
        client: where the job is.
        queue: its queue.
        job_id: the job.
        most: how many rows are read at once, the newest ones at first.

    Attributes:
        earlier: how many older rows there were at the first reading; None before that.
    """

    def __init__(self, client: JobClient, queue: QueueLike, job_id: str, most: int = ALL) -> None:
        self.earlier: int | None = None
        self._client = client
        self._queue = queue
        self._job_id = job_id
        self._most = most
        self._seen: list[str] = []
        self._last = 0

    async def new_rows(self) -> list[str]:
        """Return the rows that have come since the last call; of rows that are all alike, some may be left out."""
        if self._seen:
            # The usual case, in which only what is new is read: the last row seen is still in its place.
            rows = await self._client.logs(self._queue, self._job_id, self._last, self._last + self._most)
            if rows and rows[0] == self._seen[-1]:
                self._last += len(rows) - 1
                self._seen = [*self._seen, *rows[1:]][-self._most :]
                return rows[1:]
        rows, total = await self._client.newest_log(self._queue, self._job_id, self._most)
        if self.earlier is None:
            self.earlier = max(0, total - len(rows))
        new = rows[overlap(self._seen, rows) :]
        self._seen, self._last = rows or self._seen, max(0, total - 1)
        return new


def overlap(before: list[str], now: list[str]) -> int:
    """Return how many rows at the start of `now` are the end of `before`."""
    for length in range(min(len(before), len(now)), 0, -1):
        if before[-length:] == now[:length]:
            return length
    return 0
