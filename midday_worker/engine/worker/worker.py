"""The engine's worker: fetches jobs, runs them side by side, and stops without losing or repeating one.

It stands beside the port's worker, which asks Redis once per free slot, dies with a handler's `CancelledError` and
can't be stopped in time; the scripts, the jobs and the scheduler are bullmq's.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar
from uuid import uuid4

from loguru import logger
from redis.exceptions import RedisError

from midday_worker.engine.job.attempt import Attempt, Resources
from midday_worker.engine.job.job import Job
from midday_worker.engine.job.outage_retries import OutageRetries
from midday_worker.engine.job.threads import Threads
from midday_worker.engine.producer.backend import Backend, client_name
from midday_worker.engine.producer.queue import Queue
from midday_worker.engine.producer.schedule_repair import ScheduleRepair
from midday_worker.engine.producer.scheduler import Scheduler
from midday_worker.engine.redis.connection import Connection, RedisConfig, connect_blocking
from midday_worker.engine.redis.error_translation import UNREACHABLE
from midday_worker.engine.redis.outage import Outage
from midday_worker.engine.wire.fetched import Fetched
from midday_worker.engine.wire.options import METRICS_POINTS
from midday_worker.engine.worker.cancel_watch import CancelWatch
from midday_worker.engine.worker.config import WorkerConfig
from midday_worker.engine.worker.intake import Intake
from midday_worker.engine.worker.job_scripts import Transitions
from midday_worker.engine.worker.limited_transitions import LimitedTransitions
from midday_worker.engine.worker.locks import LockRenewal
from midday_worker.engine.worker.next_runs import NextRuns
from midday_worker.engine.worker.running import Processor, RunningJobs
from midday_worker.engine.worker.settlement import Settlement
from midday_worker.engine.worker.stalls import Stalls
from midday_worker.errors import EngineError
from midday_worker.processes.pool import ProcessPool
from midday_worker.settings.urls import redact_url
from midday_worker.telemetry.metrics.tally import QueueTally

__all__ = ["Worker", "WorkerConfig"]

T = TypeVar("T")

CANCEL_AGAIN_S: Final = 0.05

LEAVE_S: Final = 2.0
"""How long a worker that stops tries to give back what it took from Redis and doesn't run."""


class Worker:
    """Works one queue with `processor`, which returns a job's result as JSON values, or raises.

    Args:
        config: the queue and how it is worked.
        processor: called with each job.
        connection: the connection for ordinary commands; shared, and closed by whoever made it.
        redis: where the blocking connection, which is this worker's own, goes.
        outage: what is known of that Redis's being away, shared by all workers of a process.
        watch: hears of cancellations, shared too.
        tally: counts its jobs, if they are to be counted.
        processes: runs handlers in processes.
    """

    def __init__(
        self,
        config: WorkerConfig,
        processor: Processor,
        connection: Connection,
        redis: RedisConfig,
        outage: Outage | None = None,
        watch: CancelWatch | None = None,
        tally: QueueTally | None = None,
        processes: ProcessPool | None = None,
    ) -> None:
        self.name = config.queue
        self.running = self._closed = False
        self._blocking = Connection(connect_blocking(redis, client_name(redis.prefix, config.queue)))
        self.backend = Backend(config.queue, connection, redis.prefix, self._blocking)
        self.queue = Queue(config.queue, connection, redis.prefix)
        self._who = f"queue {config.queue}"
        self._outage = outage or Outage(redact_url(redis.url))
        self.locks = LockRenewal(
            config.queue, self.backend.keys, config.lock_duration_ms, redis, connection, self._outage, tally
        )
        self._slots, self._fetching = asyncio.Semaphore(config.concurrency), asyncio.Event()
        self._fetching.set()
        self._recovery: asyncio.Task[None] | None = None
        self._moves = _transitions(self.backend, config)
        settlement = Settlement(self._moves, config.queue, config.lock_duration_ms, self._wants_next, tally)
        next_runs = NextRuns(self._make_next_run, self._moves, config.lock_duration_ms)
        self._running = RunningJobs(
            processor, settlement, self.locks, self._receive, self._slots.release, next_runs, tally, config.grace
        )
        self._schedules = ScheduleRepair(self.queue)
        self._recovery_every_s = config.stalled_interval_ms / 1000
        self._has_limits = bool(config.limits)
        self.stalls = Stalls(self.backend, config, tally, self._moves.sweep if config.limits else None)
        self._intake = Intake(self._moves, self.backend, uuid4().hex, self.locks.get_tracked_job_ids)
        self._watch = watch or CancelWatch(redis, connection)
        self._threads = Threads(config.concurrency)
        self.processes = processes or ProcessPool()
        self._resources = Resources(self._threads, self.processes, OutageRetries(), config.grace)
        self._received = 0

    @property
    def is_fetching(self) -> bool:
        """Whether its run loop is alive, not draining, and not waiting for Redis to come back."""
        return self.running and not self._intake.closed.is_set() and not self._outage.failures(self._who)

    @property
    def running_count(self) -> int:
        """How many jobs are running or being settled."""
        return len(self._running)

    async def run(self) -> None:
        """Fetch and start jobs until `drain`. Survives Redis going away; may be called again after an error."""
        if self.running:
            raise RuntimeError("this worker is running already")
        self.running = True
        try:
            await self._prepare()
            while not self._intake.closed.is_set():
                await self._fetch_some()
        finally:
            self.running = False

    async def _prepare(self) -> None:
        for connection in (self.queue.redisConnection, self._blocking):
            await self._outage.survive(self._who, connection.getRedisVersion, self._intake.closed)
        if self._has_limits:
            await self._outage.survive(self._who, self._moves.publish_limits, self._intake.closed)
        self.locks.start()
        self._watch.join(self.name, self.backend.keys[""], self._running)
        if self._recovery is None:
            self._recovery = asyncio.create_task(self._recover_lost())

    async def _recover_lost(self) -> None:
        """Find jobs whose worker is gone, and schedules whose next run is."""
        while True:
            await self.stalls.check()
            await self._schedules.check(self._recovery_every_s)
            await asyncio.sleep(self._recovery_every_s)

    async def _fetch_some(self) -> None:
        # However many slots are free, an idle worker has one blocking command; more only while there are jobs.
        if await self._intake.unless_closed(self._slots.acquire()) is None:
            return
        free = 1
        while free < self._intake.width and not self._slots.locked():
            await self._slots.acquire()
            free += 1
        self._fetching.clear()  # a drain waits until this fetch's jobs, if any, are on the list
        try:
            fetch = partial(self._intake.next, free)
            for answer in await self._outage.survive(self._who, fetch, self._intake.closed) or ():
                job = await self._receive(*answer)
                if job is not None:
                    free -= 1
                    self._running.start(job)
        finally:
            for _ in range(free):
                self._slots.release()
            self._fetching.set()

    def _wants_next(self) -> bool:
        return not self._intake.closed.is_set()

    async def _receive(self, fetched: Fetched, token: str) -> Job | None:
        """Return the job that Redis answered with, ready to run; None if it answered with none."""
        self._intake.learn(fetched)
        if fetched.job_id is None or not await self._still_holds(fetched, token):
            return None
        # A job that can't be read is returned as one, instead of raising for ever, as the port does.
        job = Job.from_raw(self.queue, fetched.raw or {}, fetched.job_id)
        job.token = token
        self._received += 1
        job.attempt = Attempt(self._resources, self._received, self._running.abandon)
        return job

    async def _make_next_run(self, job: Job) -> None:
        if not job.is_gone:
            await Scheduler(self.queue).advance(job)
            return
        try:
            await self._schedules.replace_run(job.id)
        except EngineError as error:  # what Redis said decides whether it is tried again
            raise error.__cause__ or error from None

    async def _still_holds(self, fetched: Fetched, token: str) -> bool:
        try:
            held = await self._moves.still_holds(fetched, token)
        except (RedisError, *UNREACHABLE) as error:  # its lock expires, and it is run then
            logger.debug("job {id}: {error}", id=fetched.job_id, error=error)
            held = False
        if not held:
            logger.warning("job {id} came too late to be run here: its lock has expired", id=fetched.job_id)
        return held

    def stop_fetching(self) -> None:
        """Start no further job. Those that run go on."""
        self._running.close()
        self._intake.close()

    async def drain(self, timeout_s: float) -> bool:
        """Stop fetching, let running jobs finish, cancel and hand back what is left at the deadline.

        A job that is handed back is the next one to be run, and has used no attempt. Locks are renewed until then.

        Returns:
            True if every job finished by itself.
        """
        began = time.monotonic()
        self.stop_fetching()
        await self._end_fetch()
        for lost in await self._intake.leave(min(max(timeout_s, LEAVE_S / 4), LEAVE_S)):
            if (job := await self._receive(*lost)) is not None:
                self._running.start(job)  # which hands it back
        clean = await self._running.finish(max(0.0, began + timeout_s - time.monotonic()))
        if left := self._threads.left_behind:
            logger.error("queue {queue}: given up, and still runs in a thread: {names}", queue=self.name, names=left)
        return clean and not left

    async def _end_fetch(self) -> None:
        # Again and again: wait_for, in redis-py's sending, swallows a cancellation that comes as it succeeds (3.11).
        fetched = asyncio.create_task(self._fetching.wait())
        while not (await asyncio.wait({fetched}, timeout=CANCEL_AGAIN_S))[0]:
            self.stop_fetching()

    def force(self) -> None:
        """Bring the deadline of a `drain` under way forward to now."""
        self._running.force()

    async def close(self, force: bool = False) -> None:
        """Release what this worker holds; `drain` first, or pass `force` to hand running jobs back at once."""
        if self._closed:
            return
        self.stop_fetching()
        if force:
            await self.drain(0)
        if self._recovery is not None:
            self._recovery.cancel()
        self._threads.close()
        await self.processes.close()
        await self._watch.leave(self._running)
        await self.locks.close()
        with suppress(*UNREACHABLE):
            await self.backend.close()
        self._closed = True


def _transitions(backend: Backend, config: WorkerConfig) -> Transitions:
    make = partial(LimitedTransitions, limits=config.limits) if config.limits else Transitions
    return make(
        backend,
        lock_duration_ms=config.lock_duration_ms,
        limiter=config.limiter,
        metrics_points=METRICS_POINTS,
        worker_name=f"{socket.gethostname()}:{os.getpid()}",
    )
