"""`WorkerService`: one engine worker per queue, supervised, until a signal; then the drain."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Final

from loguru import logger

from midday_worker.client.client import JobClient, blocking_calls, redis_config
from midday_worker.databases import Database, DatabaseProvider, create_database
from midday_worker.definition.registry import JobRegistry
from midday_worker.engine.inspection.health import HEARTBEAT_S, Heartbeat, beat, stop_beating
from midday_worker.engine.redis.connection import Connection
from midday_worker.engine.redis.connections import Connections
from midday_worker.engine.redis.outage import Outage
from midday_worker.engine.worker.cancel_watch import CancelWatch
from midday_worker.engine.worker.running import Processor
from midday_worker.engine.worker.worker import Worker
from midday_worker.execution.consumer_spans import consumer_span
from midday_worker.execution.executor import Executor
from midday_worker.execution.sentry import SentryReports, start_sentry
from midday_worker.handling.opened import Held
from midday_worker.processes.pool import ProcessPool
from midday_worker.settings.settings import Settings
from midday_worker.settings.urls import redact_url
from midday_worker.telemetry.metrics.tally import QueueTally
from midday_worker.workers.exit_deadline import ExitDeadline
from midday_worker.workers.member import FORCE_SIGNAL, Member
from midday_worker.workers.monitor import Monitor
from midday_worker.workers.plan import Plan
from midday_worker.workers.process_metrics import Measured
from midday_worker.workers.readiness import Readiness
from midday_worker.workers.schedule_sync import ScheduleSync
from midday_worker.workers.signals import Signals
from midday_worker.workers.startup import banner, wait_for_redis
from midday_worker.workers.stopping import Stopping
from midday_worker.workers.watchdog import Watchdog

if TYPE_CHECKING:
    from midday_worker.outbox.relay import Relay

RESTARTS: Final = 5
"""How often in a row a queue's run loop may break before the process gives up and exits."""

HEALTHY_S: Final = 60.0
"""A run loop that lasted so long was well: the count of restarts begins anew."""


class WorkerService:
    """Runs the jobs of a registry until it is told to stop.

    Args:
        registry: the jobs.
        plan: the queues, from `make_plan`.
        settings: Redis, database, drain and start-up timeouts.
        member: this process's place in a service of several.
        monitor: tells others how this process is.
        exit_deadline: this process's own, if it is this service's; it ends the process once the work has ended.
        around: what is put around the processing of each job; given where the process is somebody else's, so that
            its signals aren't this service's.
    """

    def __init__(
        self,
        registry: JobRegistry,
        plan: Plan,
        settings: Settings,
        member: Member | None = None,
        monitor: Monitor | None = None,
        exit_deadline: ExitDeadline | None = None,
        around: Callable[[Processor], Processor] | None = None,
    ) -> None:
        self._registry = registry
        self._plan = plan
        self._settings = settings
        self._member = member
        self._monitor = monitor
        self._redis = redis_config(settings)
        self._exit_deadline = exit_deadline
        self._stopping = Stopping(None if exit_deadline is None else exit_deadline.begin)
        self._stop = self._stopping.asked
        self._force = self._stopping.forced
        self._broken: list[str] = []
        handlers: dict[signal.Signals, Callable[[], object]] = dict.fromkeys(
            (signal.SIGTERM, signal.SIGINT), self.stop if member is None else self._stop.set
        )
        if member is not None:
            handlers[FORCE_SIGNAL] = self._stopping.force
        self._around = around
        self._signals = Signals({} if around else handlers)

    def stop(self) -> None:
        """Stop fetching and drain; called again, don't wait for running jobs."""
        self._stopping.signal()

    async def run(self) -> bool:
        """Work until stopped. Returns True after a clean drain.

        Raises:
            ConfigurationError: Redis didn't answer within the start-up timeout.
            RedisRefusedError: Redis refused: a wrong password.
        """
        start_sentry(self._settings)
        self._signals.listen()
        connections = Connections(self._redis)
        database = self._database()
        held = Held(self._further_database)
        try:
            version = await wait_for_redis(connections.of(), self._settings, self._stop)
            if self._stop.is_set():
                return True
            await held.open(self._registry.needs({config.queue for config in self._plan.queues}))
            self._say_ready(banner(self._plan, self._registry, self._settings, version))
            # What handlers trigger goes to this worker's Redis, whatever the environment says.
            async with JobClient(self._settings) as client, blocking_calls(self._settings):
                return await self._work(connections, database, client, held)
        finally:
            await held.close()
            if database is not None:
                await database.dispose()
            await connections.close()
            if self._exit_deadline is None:  # else the process ends, and its parent may still send some
                self._signals.restore()

    def _say_ready(self, text: str) -> None:
        if self._member is None:
            logger.info("{banner}", banner=text)
        elif not self._member.report(text):
            logger.error("the supervisor is gone")
            self._stop.set()

    def _further_database(self, provider: DatabaseProvider) -> Database:
        return self._made(provider.url(self._settings))

    def _database(self) -> Database | None:
        url = self._settings.database_primary_url
        if url is None:
            return None
        # So that SQLAlchemy is loaded at start-up, not within the first job.
        import_module("midday_worker.databases.lazy_session")
        return self._made(url.get_secret_value())

    def _made(self, url: str) -> Database:
        # A connection for each job that can run at once, and one for readiness: none waits for another's.
        at_once = sum(config.concurrency for config in self._plan.queues)
        return create_database(
            url,
            max_connections=at_once + 1,
            hide_parameters=not self._settings.log_payloads,
        )

    async def _work(self, connections: Connections, database: Database | None, client: JobClient, held: Held) -> bool:
        keep_loaded()
        executor = self._executor(database, held)
        outage = Outage(redact_url(self._redis.url))
        workers = self._workers(executor, connections, outage)
        readiness = Readiness(workers, connections.of(), outage, database)
        relay = self._relay(client)
        loops = [asyncio.create_task(self._supervise(worker)) for worker in workers]
        watchdog = Watchdog()
        await readiness.start()
        self._let_watch(
            Measured(connections=connections, readiness=readiness, watchdog=watchdog, database=database, outbox=relay)
        )
        pulse = asyncio.create_task(self._beat(connections.of(), readiness))
        schedules = asyncio.create_task(self._reconcile_schedules(client))
        relaying = asyncio.create_task(asyncio.sleep(0) if relay is None else relay.run())
        watchdog.start()
        await self._stop.wait()
        schedules.cancel()
        readiness.drain()
        logger.info("stopping: no further jobs are fetched; running ones may take {s:g} s", s=self._drain_s)
        for worker in workers:
            worker.stop_fetching()
        executor.close()
        clean = await self._drain(workers) and not self._broken
        if self._exit_deadline is not None:
            self._exit_deadline.clean = clean
            self._exit_deadline.begin()
        logger.info("stopped" if clean else "stopped; what has not ended was given up, or handed back to its queue")
        await asyncio.gather(*loops)
        pulse.cancel()
        relaying.cancel()  # only now: jobs that ran to their end have left rows
        # The heartbeat is taken back while there is a connection.
        if pulse not in (await asyncio.wait({pulse, schedules, relaying}, timeout=HEARTBEAT_S))[0]:
            pulse.cancel()  # the first one was swallowed (see Worker._end_fetch), or Redis is away
        await watchdog.stop()
        await readiness.stop()
        for worker in workers:
            await worker.close()
        return clean

    def _executor(self, database: Database | None, held: Held) -> Executor:
        # For a person a line per job; where thousands run in a second, it would cost as much as the rest of a job.
        level = "INFO" if self._settings.development else "DEBUG"
        around = (consumer_span, SentryReports(payloads=self._settings.log_payloads))
        return Executor(self._registry, database, self._settings.unknown_job_retries, level, around, held)

    def _let_watch(self, measured: Measured) -> None:
        if self._monitor is not None:
            self._monitor.watch(measured)

    def _relay(self, client: JobClient) -> Relay | None:
        url = self._settings.database_primary_url
        if url is None:
            return None
        # Not at the top: a process without a database is spared SQLAlchemy's 150 ms.
        from midday_worker.outbox.relay import Relay

        return Relay(url.get_secret_value(), client)

    def _workers(self, executor: Executor, connections: Connections, outage: Outage) -> list[Worker]:
        tallies: Mapping[str, QueueTally] = {} if self._monitor is None else self._monitor.tallies
        process: Processor = executor if self._around is None else self._around(executor)
        # Messages of cancellations come by prefix.
        prefixes = {config.prefix for config in self._plan.queues}
        watches = {prefix: CancelWatch(connections.config_of(prefix), connections.of(prefix)) for prefix in prefixes}
        return [
            Worker(
                config,
                process,
                connections.of(config.prefix),
                connections.config_of(config.prefix),
                outage,
                watches[config.prefix],
                tallies.get(config.queue),
                ProcessPool(self._settings.revealed()),
            )
            for config in self._plan.queues
        ]

    async def _drain(self, workers: list[Worker]) -> bool:
        draining = asyncio.gather(*(worker.drain(self._drain_s) for worker in workers))
        forced = asyncio.create_task(self._force.wait())
        both: set[asyncio.Future[object]] = {draining, forced}  # type: ignore[arg-type]  # pyright: ignore[reportAssignmentType] - only waited for
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if forced.done():
            logger.warning("second signal: running jobs are cancelled and handed back")
            for worker in workers:
                worker.force()
        forced.cancel()
        return all(await draining)

    async def _supervise(self, worker: Worker) -> None:
        restart = 0
        while restart <= RESTARTS:
            started = time.monotonic()
            # In a task of its own: an error of cancellation that comes out of it is no cancellation of this one.
            running = asyncio.create_task(worker.run())
            await asyncio.wait({running})
            try:
                running.result()
            except (Exception, asyncio.CancelledError):  # whatever it is: the others go on, and this is tried again
                logger.exception("the run loop of queue {queue} broke", queue=worker.name)
                await asyncio.sleep(min(5.0, 0.1 * 2**restart))
            if self._stop.is_set():
                return
            restart = restart + 1 if time.monotonic() - started < HEALTHY_S else 0
        logger.critical("queue {queue} can't be worked; stopping the process", queue=worker.name)
        self._broken.append(worker.name)
        self._stop.set()

    async def _reconcile_schedules(self, client: JobClient) -> None:
        sync = ScheduleSync(self._registry, self._settings, client, self._heartbeat)
        if not self._settings.schedules or not sync.is_needed:
            return
        try:
            await sync.run()
        except Exception:  # whatever it is, jobs have to run
            logger.exception("the schedules can't be reconciled")

    async def _beat(self, connection: Connection, readiness: Readiness) -> None:
        heartbeat = self._heartbeat
        try:
            while True:
                heartbeat = replace(heartbeat, beat_at=time.time(), not_ready=list(readiness.report().reasons))
                try:
                    await beat(connection, self._redis.prefix, heartbeat)
                except Exception as error:  # whatever it is, the heart has to go on
                    logger.debug("no heartbeat: {error}", error=error)
                await asyncio.sleep(HEARTBEAT_S)
        finally:
            try:
                await stop_beating(connection, self._redis.prefix, heartbeat)
            except Exception as error:
                logger.debug("the heartbeat expires by itself: {error}", error=error)

    @cached_property
    def _heartbeat(self) -> Heartbeat:
        now = time.time()
        return Heartbeat(
            host=socket.gethostname(),
            pid=os.getpid(),
            queues=[config.queue for config in self._plan.queues],
            started_at=now,
            beat_at=now,
            supervisor=self._member.supervisor if self._member else None,
            process=self._member.index if self._member else 1,
            processes=self._member.count if self._member else 1,
        )

    @property
    def _drain_s(self) -> float:
        return self._settings.drain_timeout / 1000


def keep_loaded() -> None:
    """Take what there is now out of the garbage collector's sight, once in a process.

    A program that runs one service after another would otherwise keep for ever whatever each of them left behind.
    """
    if gc.get_freeze_count() == 0:
        gc.collect()
        gc.freeze()
