"""A crew: the workers of a registry, running in the test's own event loop."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from midday_worker import JobRegistry, Settings
from midday_worker.client.client import redis_config
from midday_worker.databases import Database
from midday_worker.engine.redis.connections import Connections
from midday_worker.engine.redis.outage import Outage
from midday_worker.engine.worker.cancel_watch import CancelWatch
from midday_worker.engine.worker.config import WorkerConfig
from midday_worker.engine.worker.worker import Worker
from midday_worker.execution.consumer_spans import consumer_span
from midday_worker.execution.executor import Executor
from midday_worker.execution.sentry import SentryReports
from midday_worker.processes.pool import ProcessPool
from midday_worker.settings.urls import redact_url
from midday_worker.telemetry.metrics.tally import QueueTally
from midday_worker.workers.plan import plan_from_settings


class Crew:
    """Works all queues of a registry within `async with`; drains at its end.

    Args:
        registry: the jobs.
        settings: where Redis is.
        database: what is behind `ctx.db`.
        configs: the queues, where a test needs other ones than the registry's plan.

    Attributes:
        tallies: what the workers count, by queue.
    """

    def __init__(
        self,
        registry: JobRegistry,
        settings: Settings,
        database: Database | None = None,
        configs: tuple[WorkerConfig, ...] = (),
    ) -> None:
        redis = redis_config(settings)
        self._connections = Connections(redis)
        self.connection = self._connections.of()
        reports = SentryReports(payloads=settings.log_payloads)
        self._executor = Executor(registry, database, settings.unknown_job_retries, around=(consumer_span, reports))
        plan = configs or plan_from_settings(registry, settings).queues
        outage = Outage(redact_url(redis.url))
        at = self._connections
        prefixes = {config.prefix for config in plan}
        watches = {prefix: CancelWatch(at.config_of(prefix), at.of(prefix)) for prefix in prefixes}
        names = [definition.id for definition in registry]
        self.tallies = {config.queue: QueueTally(config.queue, elsewhere=names) for config in plan}
        self.workers = [
            Worker(
                config,
                self._executor,
                at.of(config.prefix),
                at.config_of(config.prefix),
                outage,
                watches[config.prefix],
                self.tallies[config.queue],
                ProcessPool(settings.revealed()),
            )
            for config in plan
        ]
        self._loops: list[asyncio.Task[None]] = []

    @property
    def worker(self) -> Worker:
        """The only worker."""
        (worker,) = self.workers
        return worker

    async def __aenter__(self) -> Self:
        self._loops = [asyncio.create_task(worker.run()) for worker in self.workers]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self.workers:
            worker.stop_fetching()
        self._executor.close()
        await asyncio.gather(*(worker.drain(5) for worker in self.workers))
        await asyncio.gather(*self._loops)
        for worker in self.workers:
            await worker.close()
        await self._connections.close()
