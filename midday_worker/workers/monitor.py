"""`Monitor`: what this process tells of itself, from before its start-up to its end."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Final

from pydantic import TypeAdapter

from midday_worker.definition.registry import JobRegistry
from midday_worker.settings.settings import Settings
from midday_worker.telemetry.metrics.snapshot import Snapshot
from midday_worker.telemetry.metrics.tally import QueueTally
from midday_worker.workers.plan import Plan
from midday_worker.workers.process_metrics import Measured, ProcessMetrics
from midday_worker.workers.readiness import ReadinessReport
from midday_worker.workers.status import METRICS, JobEntry, ProcessStatus, QueueStatus, ServiceStatus

_STATUS: Final = TypeAdapter(ProcessStatus)


class Monitor:
    """Answers for one process. Only the metrics ask anything of Redis: for the sizes of the queues.

    Args:
        registry: the jobs.
        plan: the queues.
        settings: the environment's name.
        process: its number, from 1.
    """

    def __init__(self, registry: JobRegistry, plan: Plan, settings: Settings, process: int = 1) -> None:
        self._plan = plan
        self._environment = settings.environment
        self._process = process
        self._started_at = time.time()
        worked = {config.queue for config in plan.queues}
        self._jobs = tuple(
            JobEntry(id=definition.id, queue=definition.queue, attempts=definition.options.attempts)
            for definition in registry.handled()
            if definition.queue in worked
        )
        self._metrics = ProcessMetrics(registry, plan, settings)
        self._measured: Measured | None = None

    @property
    def tallies(self) -> Mapping[str, QueueTally]:
        """What the workers count, by queue."""
        return self._metrics.tallies

    def watch(self, measured: Measured) -> None:
        """Tell from now on what this knows."""
        self._measured = measured
        self._metrics.watch(measured)

    async def metrics(self) -> Snapshot:
        """Return all metrics of this process."""
        return await self._metrics.snapshot()

    async def status(self) -> ServiceStatus:
        """Return this process as a service of one."""
        own = self.process_status()
        return ServiceStatus(environment=self._environment, count=1, processes=(own,))

    async def reply(self, question: str) -> bytes:
        """Return the answer to a supervisor's question, as JSON."""
        if question == METRICS:
            return (await self.metrics()).dump()
        return _STATUS.dump_json(self.process_status())

    def process_status(self) -> ProcessStatus:
        """Return what is known now."""
        report = None if self._measured is None else self._measured.readiness.report()
        return ProcessStatus(
            process=self._process,
            pid=os.getpid(),
            started_at=self._started_at,
            redis=None if report is None else report.redis,
            database=None if report is None else report.database,
            queues=self._queues(report),
            jobs=self._jobs,
            reasons=("it is starting",) if report is None else report.reasons,
        )

    def _queues(self, report: ReadinessReport | None) -> tuple[QueueStatus, ...]:
        known = {} if report is None else {queue.queue: queue for queue in report.queues}
        return tuple(
            QueueStatus(
                queue=config.queue,
                concurrency=config.concurrency,
                rate_limit=config.rate_limit,
                alive=config.queue in known and known[config.queue].alive,
                fetching=config.queue in known and known[config.queue].fetching,
            )
            for config in self._plan.queues
        )
