"""Bars of what is done with a job from elsewhere: cancelling it, and waiting for it."""

from __future__ import annotations

import asyncio
import time
from statistics import median
from typing import Final

from redis.asyncio import Redis

from midday_worker import JobClient, JobContext, JobRegistry, Settings, job, results
from midday_worker.engine.worker.config import WorkerConfig
from midday_worker.testing import RedisServer
from tests.bars.bar import Bar, percentile
from tests.deadline import eventually
from tests.integration.crew import Crew
from tests.integration.following.listeners import listeners

CANCELS: Final = 100
WAITERS: Final = 2_000
ROUNDS: Final = 5


async def cancels(server: RedisServer) -> Bar:
    """Measure how long it takes until a running handler sees that it was cancelled."""
    started = asyncio.Event()
    seen: list[float] = []

    async def handle(data: int, ctx: JobContext) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            seen.append(time.perf_counter())

    registry = JobRegistry()
    hanging = job("hanging", int, handle, registry=registry)
    settings = Settings(env_file=None, redis_url=server.url, redis_prefix="cancels")
    late: list[float] = []
    async with Crew(registry, settings), JobClient(settings) as client:
        for number in range(CANCELS):
            handle_of_it = await hanging.trigger(number, client=client)
            await started.wait()
            started.clear()
            asked = time.perf_counter()
            await handle_of_it.cancel()
            await asyncio.gather(handle_of_it.result("30s"), return_exceptions=True)
            late.append(1000 * (seen[-1] - asked))
    half, most = percentile(late, 50), percentile(late, 99)
    what = f"{CANCELS} running jobs are cancelled"
    return Bar(what, "p99 within 100 ms", f"p50 {half:.1f} ms, p99 {most:.1f} ms", most <= 100)


async def waiters(server: RedisServer) -> Bar:
    """Measure what it costs jobs, in the same process, that each of them is waited for."""
    settings = Settings(env_file=None, redis_url=server.url, redis_prefix="waiters")
    times: dict[bool, list[float]] = {False: [], True: []}
    async with Redis.from_url(server.url, decode_responses=True) as redis:  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
        for turn in range(2 * ROUNDS):
            times[turn % 2 == 1].append(await _run(redis, settings, waited_for=turn % 2 == 1))
    alone, together = median(times[False]), median(times[True])
    more = 100 * (together / alone - 1)
    what = f"{WAITERS} waiters for {WAITERS} jobs of 50 ms"
    return Bar(what, "at most 10% more time", f"{alone:.2f} s, {together:.2f} s: {more:+.1f}%", more <= 10)


async def _run(redis: Redis, settings: Settings, *, waited_for: bool) -> float:
    ended = asyncio.Event()
    left = WAITERS

    async def handle(data: int, ctx: JobContext) -> int:
        nonlocal left
        await asyncio.sleep(0.05)
        left -= 1
        if not left:
            ended.set()
        return data

    registry = JobRegistry()
    busy = job("busy", int, handle, registry=registry)
    config = WorkerConfig(queue="default", concurrency=50)
    async with JobClient(settings) as client:
        handles = await busy.batch_trigger(({"payload": number} for number in range(WAITERS)), client=client)
        waiting = asyncio.create_task(results(handles if waited_for else ()))
        if waited_for:
            await eventually(lambda: listeners(redis, settings), "they wait")
        began = time.perf_counter()
        async with Crew(registry, settings, configs=(config,)):
            await ended.wait()
            took = time.perf_counter() - began
            await waiting
    return took
