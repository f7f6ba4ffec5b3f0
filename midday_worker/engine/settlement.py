"""Writing down how a job ended: completed, failed, parked, or handed back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, cast

from loguru import logger

from midday_worker.engine.backend import Backend
from midday_worker.engine.failure import reason_of
from midday_worker.engine.job import Job
from midday_worker.engine.translation import is_passing, is_unreachable

_PAUSE_S: Final = 0.2
Outcome = Callable[[Job], Awaitable[None]]


class Park(Exception):
    """Raised by a processor: put the job back, delayed, without using an attempt."""

    def __init__(self, delay_ms: int) -> None:
        self.delay_ms = delay_ms
        super().__init__(f"parked for {delay_ms} ms")


class Settlement:
    """Settles jobs on one queue, again and again while Redis can't store it and the job's lock lasts.

    Args:
        backend: the queue.
        patience_ms: how long to go on when Redis is away or can't write; the lock's duration, as after it the job
            belongs to whoever takes it.
    """

    def __init__(self, backend: Backend, patience_ms: int) -> None:
        self._backend = backend
        self._patience_s = patience_ms / 1000

    def success(self, result: object) -> Outcome:
        """Return what completes a job with this result."""

        async def complete(job: Job) -> None:
            keep = job.opts.get("removeOnComplete", False)

            def store() -> Awaitable[object]:
                return self._backend.moveToCompleted(job, result, keep, job.token or "", fetch_next=False)

            try:
                try:
                    await self._persist(job, store)
                except TypeError as error:
                    if "pending dependencies" not in str(error) or not await self._let_continue(job):
                        raise
                    await self._persist(job, store)
            except Exception as error:
                if is_passing(error):  # it succeeded: to be run again is bad enough, to count as failed is untrue
                    self._note_unsettled(job, error)
                else:  # the engine refuses: pending or failed children, an undumpable result
                    await self.failure(error)(job)

        return complete

    def failure(self, error: BaseException) -> Outcome:
        """Return what stores this failure of an attempt."""

        async def fail(job: Job) -> None:
            try:
                if isinstance(error, Park):
                    delay_ms = error.delay_ms
                    await self._persist(job, lambda: self._park(job, delay_ms))
                else:
                    await self._persist(job, lambda: job.moveToFailed(error, job.token or ""))
            except Exception as broken:  # nothing that happens here may end the worker
                self._note_unsettled(job, broken)

        return fail

    async def hand_back(self, job: Job) -> None:
        """Put an active job back in front of its queue, as if it had not been fetched."""
        keys = self._backend.keys
        names = ("active", "wait", "stalled", "paused", "meta", "limiter", "prioritized", "marker", "events")
        code = cast(
            "int",
            await self._backend.connection.commands["moveJobFromActiveToWait"](
                keys=[keys[name] for name in names], args=[job.id, job.token or "0", self._backend.toKey(job.id)]
            ),
        )
        if code < 0:
            logger.warning("job {id} was not handed back: it is not ours any more ({code})", id=job.id, code=code)
        else:
            logger.info("job {id} handed back to queue {queue}", id=job.id, queue=self._backend.name)

    async def _let_continue(self, job: Job) -> bool:
        """Detach the pending children of a parent that a child's failure let continue; False for any other job."""
        if not await job.getIgnoredChildrenFailures():
            return False
        detached = await job.detachPendingChildren()
        logger.info("job {id} went on without {count} pending children", id=job.id, count=len(detached))
        return True

    def _note_unsettled(self, job: Job, error: BaseException) -> None:
        logger.error(
            "job {id} of queue {queue} could not be settled and waits for its lock to expire: {error}",
            id=job.id,
            queue=self._backend.name,
            error=reason_of(error),
        )

    async def _park(self, job: Job, delay_ms: int) -> None:
        now = round(time.time() * 1000)
        await self._backend.moveToDelayed(job.id, now, delay_ms, job.token or "", {"skipAttempt": True})

    async def _persist(self, job: Job, settle: Callable[[], Awaitable[object]]) -> None:
        until = time.monotonic() + self._patience_s
        lost_reply = False
        while True:
            try:
                await settle()
            except TypeError as error:  # bullmq's type for what its scripts refuse
                if "issing lock" in str(error) or "issing key" in str(error) or "Lock mismatch" in str(error):
                    # After a lost reply this is the sign that the first try was carried out.
                    level = "DEBUG" if lost_reply else "WARNING"
                    logger.log(level, "job {id} is not ours any more: {error}", id=job.id, error=error)
                    return
                raise
            except Exception as error:
                if not is_passing(error) or time.monotonic() > until:
                    raise
                lost_reply = lost_reply or is_unreachable(error)
                await asyncio.sleep(_PAUSE_S)
            else:
                return
