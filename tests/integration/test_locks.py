"""Locks of jobs that run, where a renewal fails or gets no answer: it is tried again while they last."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from midday_worker import JobClient, JobContext, JobRegistry, Settings, job
from midday_worker.engine.worker_config import WorkerConfig
from midday_worker.metrics.tally import QueueTally
from midday_worker.testing import RedisServer
from tests.deadline import eventually
from tests.integration.conditions.black_hole import BlackHole
from tests.integration.crew import Crew
from tests.integration.lossy_proxy import LossyProxy


@asynccontextmanager
async def holding_a_job(
    registry: JobRegistry, client: JobClient, url: str, lock_ms: int
) -> AsyncGenerator[tuple[str, QueueTally]]:
    """Run a job, by a worker at this URL, for as long as the block lasts; give its lock's key and what is counted."""
    started, release = asyncio.Event(), asyncio.Event()

    async def handle(data: int, ctx: JobContext) -> None:
        started.set()
        await release.wait()

    held = job("held", int, handle, registry=registry)
    settings = client.settings.model_copy(update={"redis_url": Settings(env_file=None, redis_url=url).redis_url})
    config = WorkerConfig(queue="default", concurrency=1, lock_duration_ms=lock_ms)
    async with Crew(registry, settings, configs=(config,)) as crew:
        triggered = await held.trigger(1, client=client)
        await asyncio.wait_for(started.wait(), 10)
        yield client.queue("default").toKey(triggered.id) + ":lock", crew.tallies["default"]
        release.set()


async def test_a_renewal_that_fails_is_tried_again_at_once(
    registry: JobRegistry, client: JobClient, redis_server: RedisServer
) -> None:
    """And not when the next one is due, which is after a quarter of the lock: here 2 s."""
    async with (
        LossyProxy(redis_server, b":lock\r\n") as proxy,
        holding_a_job(registry, client, proxy.url, 8_000) as (_, tally),
    ):

        async def has_failed() -> bool:
            return tally.lock_renewal_failures > 0

        async def is_renewed() -> bool:
            return tally.lock_renewals > 0

        await eventually(has_failed, "a renewal has lost its reply")
        failed = time.monotonic()
        await eventually(is_renewed, "the lock is renewed")
        assert time.monotonic() - failed < 1


async def test_a_reply_is_not_waited_for_until_the_lock_has_expired(
    registry: JobRegistry, client: JobClient, redis_server: RedisServer, redis: Redis
) -> None:
    async with BlackHole(redis_server) as hole, holding_a_job(registry, client, hole.url, 2_000) as (lock, tally):
        hole.swallow()

        async def has_failed() -> bool:
            return tally.lock_renewal_failures > 0

        await eventually(has_failed, "a renewal has been given up")
        assert await redis.exists(lock), "given up when the lock had expired already"
        hole.forward()

        async def is_renewed() -> bool:
            return tally.lock_renewals > 0

        await eventually(is_renewed, "the lock is renewed")
        assert tally.locks_lost == 0
