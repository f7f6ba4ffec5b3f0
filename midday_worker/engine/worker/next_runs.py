"""The next run of a schedule, made as one of its runs starts."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from loguru import logger

from midday_worker.engine.job.job import Job
from midday_worker.engine.redis.error_translation import is_passing_for_worker
from midday_worker.engine.redis.retry_queue import RetryQueue
from midday_worker.engine.wire.failure import reason_of
from midday_worker.engine.wire.fetched import Fetched
from midday_worker.engine.worker.job_scripts import Transitions


class NextRuns:
    """Makes the run that follows one that starts, again and again while Redis can't and the job's lock lasts.

    Args:
        make: makes it; without effect where it has been made, so that it may be called again after a lost reply.
        moves: the queue's transitions.
        lock_duration_ms: how long a lock lasts.
    """

    def __init__(self, make: Callable[[Job], Awaitable[None]], moves: Transitions, lock_duration_ms: int) -> None:
        self._make = make
        self._moves = moves
        self._lock_s = lock_duration_ms / 1000
        self._retries = RetryQueue()

    async def made(self, job: Job) -> bool:
        """Make the run that follows this one; False if this one may not run: it is left to be found stalled.

        A schedule that can't be advanced for another reason than Redis's state keeps none of its runs from running.
        """
        until = time.monotonic() + self._lock_s
        while True:
            try:
                await self._make(job)
                return await self._is_ours(job)
            except Exception as error:  # whatever it is: the job is active
                if not is_passing_for_worker(error):
                    logger.error("job {id}: its schedule could not be advanced: {error}", id=job.id, error=error)
                    return True
                if not await self._retries.wait(until):
                    logger.error(
                        "job {id} waits for its lock to expire: its next run could not be made: {error}",
                        id=job.id,
                        error=reason_of(error),
                    )
                    return False

    async def _is_ours(self, job: Job) -> bool:
        self._retries.note_success()
        # That may have taken so long that another worker has the job: asked only then.
        held = await self._moves.still_holds(Fetched(job.id, {"processedOn": str(job.processedOn)}), job.token or "")
        if not held:
            logger.warning("job {id} is not run here: its lock expired before its next run was made", id=job.id)
        return held
