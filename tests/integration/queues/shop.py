"""A service of two queues, one of which may have a prefix of its own, and all that can be done with its jobs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from midday_worker import JobClient, JobContext, JobDefinition, JobRegistry, QueueRegistry, Settings, job, queue
from midday_worker.workers.monitor import Monitor
from midday_worker.workers.plan import plan_from_settings
from midday_worker.workers.service import WorkerService

QUEUE: Final = "own mails"
OTHER: Final = "reports"


class Shop:
    """The jobs `send` on the queue that may have a prefix, and `report` on another one, in a registry of their own.

    Args:
        prefix: of the first queue; None for that of the settings.
        settings: where Redis is.
    """

    def __init__(self, prefix: str | None, settings: Settings) -> None:
        self.settings = settings
        self.prefix = prefix or settings.redis_prefix
        self.registry = JobRegistry(QueueRegistry())
        self.queue = queue(QUEUE, prefix=prefix, concurrency=4, registry=self.registry.queues)
        self.started = asyncio.Event()
        self.send: JobDefinition[str, str] = job(
            "send", str, self._send, queue=self.queue, attempts=1, registry=self.registry
        )
        self.report: JobDefinition[str, list[str]] = job(
            "report", str, self._report, queue=OTHER, attempts=1, registry=self.registry
        )
        self.monitor = Monitor(self.registry, plan_from_settings(self.registry, settings), settings)

    async def _send(self, data: str, ctx: JobContext) -> str:
        await ctx.log(f"sending to {data}")
        await ctx.update_progress(50)
        if data == "for ever":
            self.started.set()
            await asyncio.Event().wait()
        if data == "nobody":
            raise LookupError("no such user")
        return "".join([data, *(letter for each in await ctx.children_results(self.report) for letter in each)])

    async def _report(self, data: str, ctx: JobContext) -> list[str]:
        return sorted([*await ctx.children_results(self.send), data])

    @asynccontextmanager
    async def working(self) -> AsyncGenerator[None]:
        """Run the service, as `midday-worker run` does, until the end of the block."""
        plan = plan_from_settings(self.registry, self.settings)
        service = WorkerService(self.registry, plan, self.settings, monitor=self.monitor)
        running = asyncio.create_task(service.run())
        try:
            yield
        finally:
            service.stop()
            await running

    def client(self) -> JobClient:
        """Return a client that knows nothing of the registry."""
        return JobClient(self.settings)
