"""`LogReader`: what is new in a job's log, which drops its oldest rows when it is bounded."""

from __future__ import annotations

from midday_worker.client.client import JobClient


class LogReader:
    """Reads a job's log from its start, and then what has come.

    Args:
        client: where the job is.
        queue: its queue.
        job_id: the job.
    """

    def __init__(self, client: JobClient, queue: str, job_id: str) -> None:
        self._client = client
        self._queue = queue
        self._job_id = job_id
        self._seen: list[str] = []

    async def new_rows(self) -> list[str]:
        """Return the rows that have come since the last call; of rows that are all alike, some may be left out."""
        if self._seen:
            # The usual case, in which only what is new is read: the last row seen is still in its place.
            last = len(self._seen) - 1
            rows = await self._client.logs(self._queue, self._job_id, last)
            if rows and rows[0] == self._seen[last]:
                self._seen += rows[1:]
                return rows[1:]
        rows = await self._client.logs(self._queue, self._job_id)
        new = rows[overlap(self._seen, rows) :]
        self._seen = rows or self._seen
        return new


def overlap(before: list[str], now: list[str]) -> int:
    """Return how many rows at the start of `now` are the end of `before`."""
    for length in range(min(len(before), len(now)), 0, -1):
        if before[-length:] == now[:length]:
            return length
    return 0
