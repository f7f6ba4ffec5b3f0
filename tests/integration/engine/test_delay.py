"""Delayed jobs start when they are due, even if Redis has nothing else to do."""

from __future__ import annotations

import time
from statistics import median

from midday_worker import JobClient, JobContext, JobRegistry, Settings, job
from midday_worker.engine.redis.connection import RedisConfig, connect
from midday_worker.testing import RedisServer
from tests.integration.crew import Crew


async def test_a_delayed_job_does_not_wait_for_redis_to_wake_by_itself(
    registry: JobRegistry, mortal_redis: RedisServer
) -> None:
    late: list[float] = []

    async def handle(data: int, ctx: JobContext) -> None:
        late.append(time.time() * 1000 - ctx.job.timestamp - data)

    waiting = job("waiting", int, handle, registry=registry)
    settings = Settings(env_file=None, redis_url=mortal_redis.url)
    async with connect(RedisConfig(mortal_redis.url)) as redis:
        # An idle Redis wakes once a second now, and looks then which waits are over.
        await redis.config_set("hz", 1)  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
    async with Crew(registry, settings), JobClient(settings) as client:
        for delay_ms in (0, 310, 450, 520, 380, 490):
            await (await waiting.trigger_delayed(delay_ms, delay_ms, client=client)).result("10s")
    assert median(late[1:]) < 250, late
