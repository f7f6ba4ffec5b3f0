"""The worker's heartbeat, by which `health` knows that it lives."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from midday_worker import JobContext, JobRegistry, Settings, job
from midday_worker.client.client import redis_config
from midday_worker.engine.inspection.health import heartbeats
from midday_worker.engine.redis.connection import Connection, RedisConfig, connect
from midday_worker.testing import RedisServer
from midday_worker.workers import service
from midday_worker.workers.plan import make_plan
from tests.deadline import eventually


async def refused(redis: Redis) -> int:
    """How often this Redis has refused to write for want of memory."""
    stats: dict[str, dict[str, int]] = await redis.info("errorstats")  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
    return stats.get("errorstat_OOM", {}).get("count", 0)


async def test_a_heart_beats_again_once_redis_takes_its_beats(
    registry: JobRegistry, mortal_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full Redis answers, and refuses: it isn't away."""
    monkeypatch.setattr(service, "HEARTBEAT_S", 0.05)

    async def handle(data: int, ctx: JobContext) -> None:
        return None

    job("rest", int, handle, registry=registry)
    settings = Settings(env_file=None, redis_url=mortal_redis.url)
    connection = Connection(connect(redis_config(settings)))
    worker = service.WorkerService(registry, make_plan(registry), settings)

    async def beats() -> bool:
        return bool(await heartbeats(connection, settings.redis_prefix))

    async with connect(RedisConfig(mortal_redis.url)) as redis:
        running = asyncio.create_task(worker.run())
        await eventually(beats, "the first heartbeat")
        await redis.config_set("maxmemory", "1")  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
        await redis.flushall()  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
        # With the server full, what is gone stays gone: each beat from now on is refused.
        refusals = await refused(redis)

        async def is_refused() -> bool:
            return await refused(redis) > refusals

        await eventually(is_refused, "a heartbeat has been refused")
        await redis.config_set("maxmemory", "0")  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
        await eventually(beats, "a heartbeat after the refusal", 5)
        worker.stop()
        assert await running
    await connection.close()
