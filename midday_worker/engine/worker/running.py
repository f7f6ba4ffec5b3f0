"""The jobs that a worker is running: started, awaited, cancelled at a deadline, and handed back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Final, TypeAlias

from loguru import logger

from midday_worker.engine.job.attempt import Attempt
from midday_worker.engine.job.fresh_context import FreshContext
from midday_worker.engine.job.interruption import Grace, forget_cancellations
from midday_worker.engine.job.job import Job
from midday_worker.engine.producer.schedule_repair import RUN_PREFIX
from midday_worker.engine.wire.fetched import Fetched
from midday_worker.engine.worker.locks import LockRenewal
from midday_worker.engine.worker.next_runs import NextRuns
from midday_worker.engine.worker.settlement import Outcome, Settlement
from midday_worker.errors import JobCancelledError
from midday_worker.telemetry.metrics.tally import JobTally, QueueTally

Processor: TypeAlias = Callable[[Job], Awaitable[str]]
"""Called with each job; returns its result as JSON text, or raises."""

Receive: TypeAlias = Callable[[Fetched, str], Awaitable[Job | None]]
"""Called with what the settling of a job brought, and the token it was asked for with."""

_SETTLE_S: Final = 1.0
_RELEASE_S: Final = 0.5

LAST_S: Final = 0.8
"""How long cancelled handlers may take when nobody waits any longer: the process is about to end (EXIT_S)."""

_LONGEST_MS: Final = 10**15
"""Thirty thousand years: of a stored time that makes no sense, Python could make a number that no float holds."""


class RunningJobs:
    """Runs jobs side by side, each in a task; a handler's exception, whatever it is, fails its job alone.

    A job that comes with the settling of another one takes its slot. Each attempt has the context variables of the
    moment in which this was made, and none of other attempts.

    Args:
        processor: runs one attempt.
        settlement: writes down how each ended.
        locks: renews their locks until they are settled.
        receive: makes the job of what a settling brought.
        on_free: called when a slot is free again.
        next_runs: makes the run that follows one of a schedule, before that runs.
        tally: counts them, if they are to be counted.
        grace: how long cancelled handlers may take over their `finally` blocks at a forced stop.
    """

    def __init__(
        self,
        processor: Processor,
        settlement: Settlement,
        locks: LockRenewal,
        receive: Receive,
        on_free: Callable[[], None],
        next_runs: NextRuns,
        tally: QueueTally | None = None,
        grace: Grace | None = None,
    ) -> None:
        self._processor = processor
        self._tally = tally
        self._grace = grace or Grace()
        self._settlement = settlement
        self._locks = locks
        self._receive = receive
        self._on_free = on_free
        self._next_runs = next_runs
        self._contexts = FreshContext()
        self._handlers: dict[asyncio.Task[None], Job] = {}
        self._settling: set[asyncio.Task[None]] = set()
        self._given_up: dict[asyncio.Task[None], Job] = {}
        self._unfinished: list[Job] = []
        self._unstarted: list[Job] = []
        self._forced = asyncio.Event()
        self._closed = False

    def __len__(self) -> int:
        return len(self._handlers) + len(self._settling)

    def start(self, job: Job) -> None:
        """Run a job that has just been fetched; after `close` keep it, to be handed back."""
        self._locks.track_job(job.id, job.token or "")
        if self._closed:
            self._unstarted.append(job)
            self._on_free()
            return
        # Not this task's context: it may be that of the job whose settling has brought this one.
        task = asyncio.create_task(self._run(job), name=f"job {job.name} {job.id}", context=self._contexts.make())
        self._handlers[task] = job
        task.add_done_callback(self._end)

    def stoppable(self) -> list[Job]:
        """Return the jobs that run and weren't told to stop."""
        return [job for job in self._handlers.values() if job.attempt.stopped_by is None]

    def cancel(self, job_id: str, reason: str, of: Job | None = None) -> bool:
        """Tell a running attempt to stop, by its job's id; with `of`, just that attempt. False if it doesn't run."""
        for task, job in self._handlers.items():
            if job.id == job_id and (of is None or of is job):
                if job.attempt.stopped_by is None:
                    job.attempt.stop(task, JobCancelledError(reason))
                return True
        return False

    def close(self) -> None:
        """Start no further job."""
        self._closed = True

    def force(self) -> None:
        """Bring the deadline of a `finish` under way forward to now."""
        self._forced.set()

    async def finish(self, timeout_s: float) -> bool:
        """Wait for all; cancel and hand back what is left at the deadline. True if every job ended by itself."""
        self.close()
        unsettled = self._settlement.unsettled
        await self._hand_back_unstarted(min(timeout_s, _SETTLE_S))
        await self._wait(timeout_s)
        for task, job in list(self._handlers.items()):
            # Who has left it may be committing: to be run again after that is worse than to wait.
            if not job.attempt.has_left_handler:
                # The first for who can't be interrupted: a thread, and what waits for Redis on its behalf.
                job.attempt.tell()
                job.attempt.cut_short = True
                task.cancel("the worker is stopping")
        await self._wait(max(0.0, self._grace.clean_up_s + self._grace.cut_s - LAST_S))
        stuck: set[asyncio.Task[None]] = set()
        if left := self._tasks():
            _, stuck = await asyncio.wait(left, timeout=min(LAST_S, self._grace.clean_up_s + self._grace.cut_s))
            given_up = [job for task, job in self._handlers.items() if task in stuck]
            releases = [job.attempt.release for job in given_up]
            # Before another worker starts them, unless the database has gone as well.
            if releasing := [asyncio.ensure_future(release()) for release in releases if release is not None]:
                await asyncio.wait(releasing, timeout=_RELEASE_S)
            self._unfinished.extend(given_up)
        # A job may have ended by itself and yet be one that Redis couldn't store, or still can't.
        clean = not (self._unfinished or stuck or self._given_up or self._settlement.unsettled > unsettled)
        for job in self._given_up.values():
            logger.error("job {id} was given up, and its handler still runs", id=job.id)
        await self._hand_back(self._unfinished + self._unstarted)
        self._unfinished.clear()
        self._unstarted.clear()
        return clean

    async def _hand_back_unstarted(self, timeout_s: float) -> None:
        # What was being settled as the stop came may have brought further jobs: together they go back in order.
        if self._settling:
            await asyncio.wait(self._settling, timeout=timeout_s)
        jobs, self._unstarted = self._unstarted, []
        await self._hand_back(jobs)

    async def _hand_back(self, jobs: list[Job]) -> None:
        """Put jobs back in front of their queue, in the order in which they were fetched."""
        # Each goes to the very front, so the one that was fetched first has to come last.
        for job in sorted(jobs, key=lambda job: job.attempt.sequence, reverse=True):
            self._locks.note_settling(job.id, job.token or "")
            try:
                await self._settlement.hand_back(job)
            except Exception as error:  # whatever it is: the other jobs have to be handed back too
                logger.warning("job {id} waits for its lock to expire: {error}", id=job.id, error=error)
            self._untrack(job)

    async def _run(self, job: Job) -> None:
        following: Job | None = None
        try:
            outcome = await self._attempt(job)
            if outcome is not None and not job.attempt.abandoned:
                following = await self._settle(job, outcome)
        finally:
            if following is None and not job.attempt.abandoned:
                self._on_free()
        if following is not None:
            self.start(following)

    def abandon(self, attempt: Attempt, error: Exception) -> None:
        """Settle a job whose handler can't be stopped; what it does from now on has no effect on the outcome."""
        found = next((task for task, job in self._handlers.items() if job.attempt is attempt), None)
        if found is None:
            return
        job = self._given_up[found] = self._handlers.pop(found)
        logger.error("job {id} goes on although it was told to stop; its worker doesn't wait for it", id=job.id)
        attempt.abandoned = True
        task = asyncio.create_task(
            self._let_go(job, attempt.stopped_by or error), name=f"job {job.name} {job.id}, abandoned"
        )
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    async def _let_go(self, job: Job, error: Exception) -> None:
        following: Job | None = None
        try:
            if job.attempt.release is not None:
                await job.attempt.release()
            if job.attempt.on_abandoned is not None:  # or its definition would have no say in what follows
                await job.attempt.on_abandoned(error)
            following = await self._settle(job, self._settlement.failure(error))
        finally:
            if following is None:
                self._on_free()
        if following is not None:
            self.start(following)

    async def _settle(self, job: Job, outcome: Outcome) -> Job | None:
        """Write down how the attempt ended; return the job that came with it."""
        task = asyncio.current_task()
        if task is not None:  # from here on, a stop waits instead of cancelling
            self._handlers.pop(task, None)
            self._settling.add(task)
        job.attempt.on_abandoned = None  # it holds the job: together only the garbage collector would free them
        self._locks.note_settling(job.id, job.token or "")
        try:
            fetched = await outcome(job)
        finally:  # else the lock of one whose settling is cancelled would be renewed for ever
            self._untrack(job)
        if job.attempt.stopped_by is not None:
            await self._settlement.forget_cancellation(job)
        return None if fetched is None else await self._receive(fetched, job.token or "")

    def _untrack(self, job: Job) -> None:
        # Its next attempt may run here already: put back with a reply that was lost, or after it was found stalled.
        self._locks.untrack_job(job.id, job.token or "")

    async def _attempt(self, job: Job) -> Outcome | None:
        """Return how the attempt ended; None if it was cut short by `finish`, or must not be made."""
        counts = None
        try:
            if (job.repeatJobKey or job.is_gone) and _is_scheduled(job) and not await self._next_runs.made(job):
                self._settlement.unsettled += 1
                self._untrack(job)
                return None
            counts = None if self._tally is None else count_start(self._tally, job)
            started = 0.0 if counts is None else perf_counter()
            try:
                result = await self._processor(job)
            finally:
                if counts is not None:
                    counts.took.append(perf_counter() - started)
            return self._settlement.success(result, counts)
        except BaseException as error:  # SystemExit and CancelledError of a handler's own making fail its job
            await forget_cancellations()  # what follows has to be awaited
            if job.attempt.stopped_by is not None:
                error = _with_cause(job.attempt.stopped_by, error)
            elif job.attempt.cut_short:
                self._unfinished.append(job)
                if self._tally is not None:
                    self._tally.of(job.name).handed_back += 1
                return None
            return self._settlement.failure(error)

    def _end(self, task: asyncio.Task[None]) -> None:
        job = self._handlers.pop(task, None)
        self._settling.discard(task)
        self._given_up.pop(task, None)
        if job is not None and task.cancelled():  # before its first step
            self._unfinished.append(job)
            self._on_free()

    async def _wait(self, timeout_s: float) -> None:
        forced = asyncio.create_task(self._forced.wait())
        deadline = time.monotonic() + timeout_s
        try:
            while (tasks := self._tasks()) and not forced.done() and (left := deadline - time.monotonic()) > 0:
                await asyncio.wait({*tasks, forced}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        finally:
            forced.cancel()

    def _tasks(self) -> set[asyncio.Task[None]]:
        return {*self._handlers, *self._settling}


def _is_scheduled(job: Job) -> bool:
    """Return whether a job is a run of a schedule, which another one follows; of one that is gone, its id says so."""
    return job.id.startswith(RUN_PREFIX) if job.is_gone else not job.unreadable


def _with_cause(stopped_by: JobCancelledError, error: BaseException) -> JobCancelledError:
    if error is not stopped_by:
        stopped_by.__cause__ = error
    return stopped_by


def count_start(tally: QueueTally, job: Job) -> JobTally | None:
    """Count an attempt that starts; return where its end is to be counted. None for a job that won't be tried."""
    if job.deferredFailure:
        return None
    counts = tally.of(job.name)
    counts.start()
    if job.attemptsStarted <= 1:  # of later ones nobody knows since when they wait
        # By the clocks of the producer and of this worker, which may differ.
        waited_ms = (job.processedOn or 0) - job.timestamp
        delay = job.opts.get("delay")
        if isinstance(delay, int):
            waited_ms -= delay
        counts.waited.append(waited_ms / 1000 if 0 < waited_ms < _LONGEST_MS else 0.0)
    return counts
