"""`Monitor`: what this process tells of itself, from before its start-up to its end."""

from __future__ import annotations

import os
import time
from typing import Final

from pydantic import TypeAdapter

from midday_worker.registry import JobRegistry
from midday_worker.settings import Settings
from midday_worker.workers.plan import Plan
from midday_worker.workers.readiness import Readiness, ReadinessReport
from midday_worker.workers.status import STATUS, JobEntry, ProcessStatus, QueueStatus, ServiceStatus

_STATUS: Final = TypeAdapter(ProcessStatus)


class Monitor:
    """Answers for one process, without asking anything of Redis or the database.

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
            for definition in registry
            if definition.queue in worked
        )
        self._readiness: Readiness | None = None

    def watch(self, readiness: Readiness) -> None:
        """Tell from now on what this knows."""
        self._readiness = readiness

    async def status(self) -> ServiceStatus:
        """Return this process as a service of one."""
        own = self.process_status()
        return ServiceStatus(environment=self._environment, count=1, processes=(own,))

    async def reply(self, question: str) -> bytes:
        """Return the answer to a supervisor's question, as JSON."""
        return _STATUS.dump_json(self.process_status()) if question == STATUS else b"null"

    def process_status(self) -> ProcessStatus:
        """Return what is known now."""
        report = None if self._readiness is None else self._readiness.report()
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
