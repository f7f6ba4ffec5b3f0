"""A worker's whole service, running in the test's own event loop."""

from __future__ import annotations

import asyncio

from midday_worker import JobRegistry, Settings
from midday_worker.workers.plan import make_plan
from midday_worker.workers.service import WorkerService


class Running:
    """A worker's service on this event loop."""

    def __init__(self, registry: JobRegistry, settings: Settings) -> None:
        self._service = WorkerService(registry, make_plan(registry), settings)

    async def __aenter__(self) -> None:
        self._running = asyncio.create_task(self._service.run())

    async def __aexit__(self, *_: object) -> None:
        self._service.stop()
        assert await self._running
