"""Bars of what happens at its time: delays, schedules, rate limits."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from midday_worker import JobClient, JobContext, JobRegistry, RateLimit, Settings, job, queue
from midday_worker.engine.worker.worker import WorkerConfig
from midday_worker.queues import QueueRegistry
from midday_worker.testing import RedisServer
from tests.bars.bar import Bar, percentile
from tests.deadline import eventually
from tests.integration.crew import Crew

DELAYED: Final = 200
EVERY_MS: Final = 300


async def delays(server: RedisServer) -> Bar:
    """Measure how late delayed jobs start, due one after the other, at concurrency 1."""
    late: list[float] = []

    async def handle(data: int, ctx: JobContext) -> None:
        late.append(time.time() * 1000 - ctx.job.timestamp - data)

    registry = JobRegistry()
    waiting = job("waiting", int, handle, registry=registry)
    settings = Settings(env_file=None, redis_url=server.url, redis_prefix="delays")
    config = WorkerConfig(queue="default", concurrency=1)
    async with Crew(registry, settings, configs=(config,)), JobClient(settings) as client:
        await (await waiting.trigger(0, client=client)).result("30s")  # what is loaded with the first job is there
        late.clear()
        for number in range(DELAYED):
            delay_ms = 2_000 + 37 * number
            await waiting.trigger_delayed(delay_ms, delay_ms, client=client)

        async def have_run() -> bool:
            return len(late) == DELAYED

        await eventually(have_run, "all delayed jobs have run", 60)
    half, most = percentile(late, 50), percentile(late, 99)
    what = f"{DELAYED} delayed jobs at concurrency 1"
    return Bar(what, "p99 at most 50 ms late", f"p50 {half:.1f} ms, p99 {most:.1f} ms", most <= 50)


async def fires(server: RedisServer, count: int) -> Bar:
    """Count how often a schedule of every 300 ms fires in the time for so many."""
    times: list[float] = []

    async def handle(data: int, ctx: JobContext) -> None:
        times.append(time.monotonic())

    registry = JobRegistry()
    ticking = job("ticking", int, handle, registry=registry)
    settings = Settings(env_file=None, redis_url=server.url, redis_prefix="fires")
    async with Crew(registry, settings), JobClient(settings) as client:

        async def has_begun() -> bool:
            return bool(times)

        schedule = await ticking.trigger_recurring(1, every=EVERY_MS, client=client)
        await eventually(has_begun, "the schedule fires")
        await asyncio.sleep((count - 0.5) * EVERY_MS / 1000)
        await schedule.remove()
    in_time = [moment for moment in times if moment < times[0] + (count - 0.5) * EVERY_MS / 1000]
    held = len(in_time) >= count
    return Bar(f"every={EVERY_MS}ms", f"{count} of {count} fires", f"{len(in_time)} of {count}", held)


async def rate_limit(server: RedisServer) -> Bar:
    """Measure how long 20 jobs take at 5 per second."""
    starts: list[float] = []

    async def handle(data: int, ctx: JobContext) -> None:
        starts.append(time.monotonic())

    queues = QueueRegistry()
    registry = JobRegistry(queues)
    slow = queue("slow", rate_limit=RateLimit(5, "1s"), registry=queues)
    limited = job("limited", int, handle, queue=slow, registry=registry)
    settings = Settings(env_file=None, redis_url=server.url, redis_prefix="limit")
    async with JobClient(settings) as client:
        await limited.batch_trigger([{"payload": number} for number in range(20)], client=client)

        async def have_run() -> bool:
            return len(starts) == 20

        begun = time.monotonic()
        async with Crew(registry, settings):
            await eventually(have_run, "all have run", 60)
    took = starts[-1] - begun
    return Bar("20 jobs at 5 per second", "3 to 4 s", f"{took:.2f} s", 3 <= took <= 4)
