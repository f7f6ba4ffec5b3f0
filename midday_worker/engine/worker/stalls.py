"""Jobs that have lost their worker: said, and counted by their name, for which Redis has to be asked."""

from __future__ import annotations

import asyncio
from typing import cast

from loguru import logger

from midday_worker.engine.producer.backend import Backend
from midday_worker.telemetry.metrics.tally import QueueTally


class Stalls:
    """Notes the stalled jobs of one queue.

    Args:
        backend: the queue.
        queue: its name.
        tally: counts them, if they are to be counted.
    """

    def __init__(self, backend: Backend, queue: str, tally: QueueTally | None) -> None:
        self._backend = backend
        self._queue = queue
        self._tally = tally
        self._counting: set[asyncio.Task[None]] = set()

    def note(self, job_id: str) -> None:
        """Say of a job that it waits again."""
        logger.warning("queue {queue}: job {job_id} lost its worker and waits again", queue=self._queue, job_id=job_id)
        if self._tally is not None:
            task = asyncio.create_task(self._count(self._tally, job_id))
            self._counting.add(task)
            task.add_done_callback(self._counting.discard)

    async def _count(self, tally: QueueTally, job_id: str) -> None:
        name = ""
        try:
            name = cast("str | None", await self._backend.conn.hget(self._backend.toKey(job_id), "name")) or ""
        except Exception as error:  # whatever it is, the job is counted, if without its name
            logger.debug("the name of job {job_id} could not be read: {error}", job_id=job_id, error=error)
        tally.of(name).stalled += 1
