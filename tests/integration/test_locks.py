"""The locks of running jobs, while their handlers block the event loop."""

from __future__ import annotations

import asyncio
import threading
import time

from midday_worker import JobClient, JobContext, JobRegistry, Settings, job
from midday_worker.engine.worker import WorkerConfig
from tests.integration.crew import Crew

LOCK_MS = 1_000


def watch(registry: JobRegistry, settings: Settings, stop: threading.Event) -> None:
    """Run a second worker on an event loop of its own, as another process would, until `stop`."""
    config = WorkerConfig(queue="default", concurrency=1, lock_duration_ms=LOCK_MS, stalled_interval_ms=200)

    async def work() -> None:
        async with Crew(registry, settings, configs=(config,)):
            await asyncio.to_thread(stop.wait, 30)

    asyncio.run(work())


async def test_a_handler_that_blocks_the_loop_for_three_locks_runs_once(settings: Settings, client: JobClient) -> None:
    """Its lock is renewed from a thread, so a second worker that looks for stalled jobs leaves it alone."""
    runs: list[str] = []
    started, stop = threading.Event(), threading.Event()
    blocking, idle = JobRegistry(), JobRegistry()

    @job("block", registry=blocking)
    async def block(data: float, ctx: JobContext) -> float:
        runs.append("first")
        started.set()
        time.sleep(data)  # noqa: ASYNC251 - what this test is about
        return data

    @job("block", registry=idle)
    async def again(data: float, ctx: JobContext) -> float:
        runs.append("second")
        return data

    config = WorkerConfig(queue="default", concurrency=1, lock_duration_ms=LOCK_MS, stalled_interval_ms=200)

    def watch_once_started() -> None:
        if started.wait(30):
            watch(idle, settings, stop)

    watcher = threading.Thread(target=watch_once_started)
    watcher.start()
    try:
        async with Crew(blocking, settings, configs=(config,)):
            handle = await block.trigger(3 * LOCK_MS / 1000, client=client)
            assert await handle.result(timeout="20s") == 3.0
    finally:
        stop.set()
        started.set()
        await asyncio.to_thread(watcher.join)
    assert runs == ["first"]
