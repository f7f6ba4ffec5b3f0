"""What the worker service says, by default, of a handler that blocks its event loop."""

from __future__ import annotations

import asyncio
import re
import threading

from loguru import logger

from midday_worker import JobClient, JobContext, JobRegistry, Settings, job
from midday_worker.workers.monitor import Monitor
from midday_worker.workers.plan import make_plan
from midday_worker.workers.process_metrics import Measured
from midday_worker.workers.service import WorkerService


class Looking(Monitor):
    """A monitor that keeps how long the loop may be blocked."""

    limit_s = 0.0

    def watch(self, measured: Measured) -> None:
        """Keep it."""
        self.limit_s = measured.watchdog.limit_s
        super().watch(measured)


async def test_a_loop_may_be_blocked_for_a_second_before_a_worker_says_so(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    lines: list[str] = []
    said = threading.Event()

    def hear(line: str) -> None:
        lines.append(line)
        said.set()

    async def block(data: int, ctx: JobContext) -> bool:
        return said.wait(20)

    blocking = job("block", int, block, registry=registry)
    plan = make_plan(registry)
    monitor = Looking(registry, plan, settings)
    service = WorkerService(registry, plan, settings, monitor=monitor)
    sink = logger.add(hear, format="{message}", filter=lambda record: "has been blocked" in record["message"])
    running = asyncio.create_task(service.run())
    try:
        handle = await blocking.trigger(1, client=client)
        assert await handle.result("30s") is True
    finally:
        logger.remove(sink)
        service.stop()
        await running
    found = re.match(r"the event loop has been blocked for (\d+\.\d) s by job block", lines[0])
    assert found is not None, lines
    # Before that it isn't said; how soon after it, depends on how busy the machine is.
    assert float(found[1]) >= 1.0
    assert monitor.limit_s == 1.0
