"""Writing down how a job ended: completed, failed, parked, or handed back."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from loguru import logger

from midday_worker.engine.job.job import Job
from midday_worker.engine.redis.error_translation import ResponseError, is_passing_for_worker, is_unreachable
from midday_worker.engine.redis.gone import GONE
from midday_worker.engine.redis.retry_queue import RetryQueue
from midday_worker.engine.wire.failure import reason_of
from midday_worker.engine.wire.fetched import NOTHING, Fetched
from midday_worker.engine.wire.options import attempts_of
from midday_worker.engine.wire.stored_fields import PARKED
from midday_worker.engine.worker.job_scripts import Transitions
from midday_worker.errors import JobCancelledError, NonRetryableError
from midday_worker.errors.handler_traceback import handler_traceback
from midday_worker.settings.durations import from_milliseconds
from midday_worker.settings.logs import job_logger
from midday_worker.telemetry.metrics.tally import JobTally, QueueTally

Outcome = Callable[[Job], Awaitable[Fetched | None]]
"""Stores how an attempt ended. Returns what the same round trip brought; None if it wasn't asked for the next job, or
says nothing of whether there is one."""


class Park(Exception):
    """Raised by a processor: put the job back, delayed, without using an attempt."""

    def __init__(self, delay_ms: int) -> None:
        self.delay_ms = delay_ms
        super().__init__(f"parked for {delay_ms} ms")


class Unsettleable(Exception):
    """BullMQ's scripts can't settle a job, as its own fields are broken."""

    def __init__(self, why: str) -> None:
        super().__init__(f"BullMQ's scripts can't settle this job: {why}")


class HashGone(NonRetryableError):
    """A job that ran has no hash any more: it can't be tried again, and nothing of it is kept."""

    def __init__(self) -> None:
        super().__init__(GONE)


class Settlement:
    """Settles jobs on one queue, again and again while Redis can't store it and the job's lock lasts.

    Args:
        moves: the queue's transitions.
        queue: its name.
        retry_ms: how long to go on when Redis is away or can't write; the lock's duration, as after it the job
            belongs to whoever takes it.
        wants_next: whether the next job may be brought in the same round trip.
        tally: counts how they ended, if that is to be counted.
    """

    def __init__(
        self,
        moves: Transitions,
        queue: str,
        retry_ms: int,
        wants_next: Callable[[], bool],
        tally: QueueTally | None = None,
    ) -> None:
        self._moves = moves
        self._queue = queue
        self._retry_s = retry_ms / 1000
        self.unsettled = 0
        self._wants_next = wants_next
        self._tally = tally
        self._retries = RetryQueue()

    def success(self, result: str, counts: JobTally | None = None) -> Outcome:
        """Return what completes a job with this result, a JSON text, and counts that once it is stored."""

        async def complete(job: Job) -> Fetched | None:
            try:
                fetched = await self._complete(job, result)
            except Exception as error:
                if is_passing_for_worker(
                    error
                ):  # it succeeded: to be run again is bad enough, to count as failed is untrue
                    self._note_unsettled(job, error)
                    return None
                if isinstance(error, Unsettleable):
                    await self._give_up(job, error)
                    return None
                return await self.failure(error)(job)  # the engine refuses: pending or failed children
            if counts is not None:
                counts.succeeded += 1
            return fetched

        return complete

    def failure(self, error: BaseException) -> Outcome:
        """Return what stores this failure of an attempt."""

        async def fail(job: Job) -> Fetched | None:
            try:
                return await self._end(job, error)
            except Exception as broken:  # nothing that happens here may end the worker
                await self._give_up(job, broken, error)
                return None

        return fail

    async def _end(self, job: Job, error: BaseException) -> Fetched | None:
        try:
            if isinstance(error, Park):
                if self._tally is not None:
                    self._tally.of(job.name).parked += 1
                stored = {PARKED: str(job.parked + 1)}
                return await self._delay(job, error.delay_ms, stored, use_attempt=False)
            return await self._fail(job, error)
        except HashGone as gone:
            reason = str(gone)
            return await self._persist(job, lambda fetch: self._moves.fail(job, reason, {}, fetch_next=fetch))

    async def hand_back(self, job: Job) -> None:
        """Put an active job back in front of its queue, as if it had not been fetched."""
        if await self._moves.hand_back(job):
            logger.info("job {id} handed back to queue {queue}", id=job.id, queue=self._queue)
        else:
            logger.warning("job {id} was not handed back: it is not ours any more", id=job.id)

    async def forget_cancellation(self, job: Job) -> None:
        """Remove what is left of a cancellation, or else a later retry would be cancelled too."""
        try:
            await self._moves.forget_cancellation(job)
        except Exception as error:  # it expires, and this library's retry removes it
            logger.debug("the cancellation of job {id} is left behind: {error}", id=job.id, error=error)

    async def _complete(self, job: Job, result: str) -> Fetched | None:
        def store(fetch_next: bool) -> Awaitable[Fetched]:
            return self._moves.complete(job, result, fetch_next=fetch_next)

        try:
            return await self._persist(job, store)
        except TypeError as error:
            if "pending dependencies" not in str(error) or not await self._let_continue(job):
                raise
            return await self._persist(job, store)

    async def _fail(self, job: Job, error: BaseException) -> Fetched | None:
        fields = job.note_failure(error)
        reason, delay_ms = job.failedReason or "", job.delay_before_next(error)
        if self._tally is not None:
            _count(self._tally.of(job.name), job, error, for_good=delay_ms is None)
        log_failure(job, self._queue, error, delay_ms)
        job.attemptsMade += 1
        if delay_ms is None:
            if job.parked:
                fields[PARKED] = "0"  # a retry by hand, maybe after a deploy, is given all its tries again
            return await self._persist(job, lambda fetch: self._moves.fail(job, reason, fields, fetch_next=fetch))
        if delay_ms > 0:
            return await self._delay(job, delay_ms, fields)

        async def retry(_fetch_next: bool) -> None:
            await self._moves.retry(job, fields)

        return await self._persist(job, retry)

    def _delay(
        self, job: Job, delay_ms: int, fields: dict[str, str], *, use_attempt: bool = True
    ) -> Awaitable[Fetched | None]:
        def store(fetch_next: bool) -> Awaitable[Fetched | None]:
            return self._moves.delay(job, delay_ms, fields, fetch_next=fetch_next, use_attempt=use_attempt)

        return self._persist(job, store)

    async def _let_continue(self, job: Job) -> bool:
        """Detach the pending children of a parent that a child's failure let continue; False for any other job."""
        if not await job.getIgnoredChildrenFailures():
            return False
        detached = await job.detachPendingChildren()
        logger.info("job {id} went on without {count} pending children", id=job.id, count=len(detached))
        return True

    async def _give_up(self, job: Job, broken: Exception, cause: BaseException | None = None) -> None:
        if not isinstance(broken, Unsettleable):
            self._note_unsettled(job, broken)
            return
        reason = str(broken) if cause is None else f"{reason_of(cause)} ({broken})"
        try:
            await self._moves.drop_broken(job, reason)
        except Exception as away:  # then it waits for its lock to expire, and gets here again
            self._note_unsettled(job, away)
        else:
            if cause is None and self._tally is not None:  # else it is counted already
                self._tally.of(job.name).fail(for_good=True)
            logger.error("job {id} of queue {queue} failed: {reason}", id=job.id, queue=self._queue, reason=reason)

    def _note_unsettled(self, job: Job, error: BaseException) -> None:
        self.unsettled += 1
        logger.error(
            "job {id} of queue {queue} could not be settled and waits for its lock to expire: {error}",
            id=job.id,
            queue=self._queue,
            error=reason_of(error),
        )

    async def _persist(self, job: Job, settle: Callable[[bool], Awaitable[Fetched | None]]) -> Fetched | None:
        until = time.monotonic() + self._retry_s
        lost_reply = False
        stumbled: Exception | None = None
        while True:
            fetch_next = stumbled is None and self._wants_next()
            try:
                fetched = await settle(fetch_next)
            except TypeError as error:  # bullmq's type for what its scripts refuse
                if not _is_not_ours(error):
                    raise
                await self._refuse_stuck(job, error, stumbled)
                # After a lost reply this is the sign that the first try was carried out.
                level = "DEBUG" if lost_reply else "WARNING"
                logger.log(level, "job {id} is not ours any more: {error}", id=job.id, error=error)
                return await self._recover(job) if lost_reply else None
            except Exception as error:
                if _is_stumble(error):
                    if stumbled:
                        raise Unsettleable(reason_of(error)) from error
                    # It may have settled this job, and stumbled over the fields of the next one: asked again, it tells.
                    stumbled, lost_reply = error, True
                    continue
                lost_reply = lost_reply or is_unreachable(error)
                if not is_passing_for_worker(error) or not await self._retries.wait(until):
                    raise
            else:
                self._retries.note_success()
                return fetched if fetch_next else None

    async def _refuse_stuck(self, job: Job, error: TypeError, stumbled: Exception | None) -> None:
        """Raise HashGone or Unsettleable if a job that BullMQ takes for nobody's, or for another's, is active still."""
        lost_hash = "issing key" in str(error) and not job.is_gone
        if not (lost_hash or stumbled) or not await self._moves.is_stuck(job):
            return
        if lost_hash:
            job.is_gone = True
            raise HashGone from error
        raise Unsettleable(reason_of(stumbled or error)) from error

    async def _recover(self, job: Job) -> Fetched | None:
        """Return the job that came with the lost reply; it is active under the token of the one before."""
        try:
            fetched = await self._moves.recover(job.token or "")
        except Exception as error:  # then it waits for its lock to expire
            logger.debug("could not look for the job that follows {id}: {error}", id=job.id, error=error)
            return None
        return None if fetched is NOTHING else fetched


def _count(counts: JobTally, job: Job, error: BaseException, *, for_good: bool) -> None:
    if isinstance(error, JobCancelledError):  # somebody wanted it: no failure to be alarmed at
        counts.cancelled += 1
    elif job.deferredFailure:  # it was decided before: there was no attempt
        counts.exhausted += 1
    else:
        counts.fail(for_good=for_good)


def _is_stumble(error: Exception) -> bool:
    return isinstance(error, ResponseError) and not is_passing_for_worker(error)


def _is_not_ours(error: TypeError) -> bool:
    text = str(error)
    return "issing lock" in text or "issing key" in text or "Lock mismatch" in text


def log_failure(job: Job, queue: str, error: BaseException, delay_ms: int | None) -> None:
    """Log that an attempt has failed, with its traceback: as an error if the job has failed for good.

    Args:
        job: the job, its attempt not counted yet.
        queue: its queue's name.
        error: what the attempt failed with.
        delay_ms: how long it waits for the next attempt; None if there is none.
    """
    attempt = job.attemptsMade + 1
    log = job_logger(job_id=job.id, job=job.name, queue=queue, attempt=attempt).bind(will_retry=delay_ms is not None)
    values: dict[str, object] = {"attempt": attempt, "attempts": attempts_of(job.opts)}
    after = ""
    if job.attempt.took_ms is not None:
        after, values["ms"] = " after {ms} ms", job.attempt.took_ms
    level, text = "ERROR", f"failed for good in attempt {{attempt}} of {{attempts}}{after}"
    if isinstance(error, JobCancelledError):  # somebody wanted it: no failure to be alarmed at
        level, text = "WARNING", f"cancelled in attempt {{attempt}} of {{attempts}}{after}"
    elif job.deferredFailure:  # a child's failure, or workers that were lost too often
        text = "failed for good, without another attempt"
    elif delay_ms is not None:
        log = log.bind(retry_in_ms=delay_ms)
        wait = f"in {from_milliseconds(delay_ms)}" if delay_ms else "at once"
        level, text = "WARNING", f"attempt {{attempt}} of {{attempts}} failed{after}, next attempt {wait}"
    with suppress(Exception):  # a patcher of the program's own may raise; the failure has to be stored all the same
        log.opt(exception=(type(error), error, handler_traceback(error))).log(level, text, **values)
