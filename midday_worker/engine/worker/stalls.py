"""Jobs that have lost their worker: found by BullMQ's script, said, and counted by their name, which Redis knows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

from loguru import logger

from midday_worker.engine.producer.backend import Backend
from midday_worker.engine.redis.error_translation import is_passing_for_worker
from midday_worker.engine.worker.config import WorkerConfig
from midday_worker.telemetry.metrics.tally import QueueTally


class Stalls:
    """Finds the stalled jobs of one queue, which then wait again, or fail if that has happened too often.

    Args:
        backend: the queue.
        config: how it is worked.
        tally: counts them, if they are to be counted.
        sweep: frees the places that they held, where the queue has limits per key.
    """

    def __init__(
        self,
        backend: Backend,
        config: WorkerConfig,
        tally: QueueTally | None,
        sweep: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._sweep = sweep
        self._backend = backend
        self._config = config
        self._tally = tally
        self._counting: set[asyncio.Task[None]] = set()

    async def check(self) -> None:
        """Look for them, unless another worker has within the interval. Raises nothing."""
        config = self._config
        try:
            for job_id in await self._backend.moveStalledJobsToWait(
                config.max_stalled_count, config.stalled_interval_ms
            ):
                self._note(job_id)
            if self._sweep is not None:
                await self._sweep()
        except Exception as error:  # whatever it is: there is a next time
            # Of an outage it is said once, and not here.
            level = "DEBUG" if is_passing_for_worker(error) else "WARNING"
            logger.log(level, "queue {queue}: {error}", queue=config.queue, error=error)

    def _note(self, job_id: str) -> None:
        queue = self._config.queue
        logger.warning("queue {queue}: job {job_id} lost its worker and waits again", queue=queue, job_id=job_id)
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
