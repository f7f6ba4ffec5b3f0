"""`Promise`: the wait for a job that is in a database's transaction, or on its way from there to Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, cast

from midday_worker.client.client import JobClient
from midday_worker.engine.following.waiter import Waiter
from midday_worker.engine.producer.stored_addition import marker_of
from midday_worker.errors import RedisUnavailableError
from midday_worker.queues import QueueLike

_FIRST_S: Final = 0.01
_LONGEST_S: Final = 0.5


class Promise:
    """Waits until a job has been added, then for its end.

    Args:
        client: the one that looks at jobs.
        queue: the job's queue.
        job_id: the job.
        token: the prefix under which it is added, and what names its addition.
        on_progress: called with each progress.

    Attributes:
        waiter: what is told of the end.
    """

    def __init__(
        self,
        client: JobClient,
        queue: QueueLike,
        job_id: str,
        token: tuple[str, str],
        on_progress: Callable[[str], None] | None,
    ) -> None:
        self._client = client
        self._queue = queue
        self._marker = marker_of(*token)
        self._on_progress = on_progress
        self.waiter = Waiter(job_id, self._leave, on_progress)
        self._waiting = asyncio.create_task(self._wait())

    def _leave(self, _: Waiter) -> None:
        self._waiting.cancel()

    async def _wait(self) -> None:
        try:
            inner = self._client.wait_for(self._queue, await self._added(), self._on_progress)
            try:
                ending = await asyncio.shield(inner.ending)
                # It may have been removed as it ended, before it was seen to be there: the events tell of it.
                self.waiter.end(ending.from_events or ending)
            finally:
                inner.leave(inner)
        except Exception as error:
            self.waiter.fail(error)

    async def _added(self) -> str:
        """Return the id of the job that was made, or that was there instead, once that is known."""
        queue, pause_s = self._client.queue(self._queue), _FIRST_S
        while True:
            try:
                async with queue.bounded(f"look whether job {self.waiter.job_id} has been added"):
                    if (found := await queue.ask("GET", self._marker)) is not None:
                        return cast("str", found)
            except RedisUnavailableError:
                pass  # it is waited for until it is back
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_S)
