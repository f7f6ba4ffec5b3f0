"""Locks of jobs that run, where a renewal fails or gets no answer: it is tried again while they last."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from midday_worker import JobClient, JobContext, JobRegistry, Settings, job
from midday_worker.engine.worker.config import WorkerConfig
from midday_worker.telemetry.metrics.tally import QueueTally
from midday_worker.testing import RedisServer
from tests.deadline import eventually
from tests.integration.crew import Crew
from tests.redis_proxy import BlackHole, Link, LossyProxy, RedisProxy

RESULT = "how-it-ended"


class Barrier(RedisProxy):
    """Holds up chosen traffic: of the connection that brings the job's result, and of those that renew its lock.

    Attributes:
        results: lets through what comes after a result, and with it.
        answers: lets through the replies to that.
        renewals: lets through requests to renew a lock.
        seen: how many such requests got through.
        has_result: set when a result has come.
    """

    def __init__(self, server: RedisServer) -> None:
        super().__init__(server)
        self.results, self.answers, self.renewals, self.has_result = (asyncio.Event() for _ in range(4))
        self.seen = 0
        for gate in (self.results, self.answers, self.renewals):
            gate.set()
        self._settling: set[Link] = set()

    async def request(self, link: Link, data: bytes) -> bytes | None:
        """Pass on what a client sends, in its time."""
        if RESULT.encode() in data:
            self._settling.add(link)
            self.has_result.set()
            await self.results.wait()
        elif b":lock\r\n" in data:
            await self.renewals.wait()
            self.seen += 1
        return data

    async def reply(self, link: Link, data: bytes) -> bytes | None:
        """Pass on what Redis sends, in its time."""
        if link in self._settling:
            await self.answers.wait()
        return data


@asynccontextmanager
async def holding_a_job(
    registry: JobRegistry, client: JobClient, url: str, lock_ms: int
) -> AsyncGenerator[tuple[str, QueueTally, asyncio.Event]]:
    """Run a job, by a worker at this URL, until the event or the end of the block.

    Gives its lock's key, what is counted, and the event.
    """
    started, release = asyncio.Event(), asyncio.Event()

    async def handle(data: int, ctx: JobContext) -> str:
        started.set()
        await release.wait()
        return RESULT

    held = job("held", int, handle, registry=registry)
    settings = client.settings.model_copy(update={"redis_url": Settings(env_file=None, redis_url=url).redis_url})
    config = WorkerConfig(queue="default", concurrency=1, lock_duration_ms=lock_ms)
    async with Crew(registry, settings, configs=(config,)) as crew:
        triggered = await held.trigger(1, client=client)
        await asyncio.wait_for(started.wait(), 10)
        yield client.queue("default").toKey(triggered.id) + ":lock", crew.tallies["default"], release
        release.set()


async def test_a_renewal_that_fails_is_tried_again_at_once(
    registry: JobRegistry, client: JobClient, redis_server: RedisServer
) -> None:
    """And not when the next one is due, which is after a quarter of the lock: here 2 s."""
    async with (
        LossyProxy(redis_server, b":lock\r\n") as proxy,
        holding_a_job(registry, client, proxy.url, 8_000) as (_, tally, _),
    ):

        async def has_failed() -> bool:
            return tally.lock_renewal_failures > 0

        async def is_renewed() -> bool:
            return tally.lock_renewals > 0

        await eventually(has_failed, "a renewal has lost its reply")
        failed = time.monotonic()
        await eventually(is_renewed, "the lock is renewed")
        assert time.monotonic() - failed < 1.9


async def test_a_reply_is_not_waited_for_until_the_lock_has_expired(
    registry: JobRegistry, client: JobClient, redis_server: RedisServer, redis: Redis
) -> None:
    async with BlackHole(redis_server) as hole, holding_a_job(registry, client, hole.url, 2_000) as (lock, tally, _):
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


async def test_a_lock_that_goes_with_our_own_settlement_is_not_lost(
    registry: JobRegistry, client: JobClient, redis_server: RedisServer, redis: Redis
) -> None:
    """Redis has completed the job, its answer is still on the way, and a renewal finds no lock any more."""
    async with (
        Barrier(redis_server) as barrier,
        holding_a_job(registry, client, barrier.url, 4_000) as (lock, tally, release),
    ):
        barrier.answers.clear()
        release.set()

        async def is_gone() -> bool:
            return not await redis.exists(lock)

        await eventually(is_gone, "Redis has completed the job")
        seen = barrier.seen

        async def is_looked_at() -> bool:
            return barrier.seen > seen + 1  # so that the first one has been answered

        await eventually(is_looked_at, "the lock is looked at")
        assert tally.locks_lost == 0
        barrier.answers.set()


async def test_a_lock_that_expired_before_its_job_could_be_settled_is_lost(
    registry: JobRegistry, client: JobClient, redis_server: RedisServer, redis: Redis
) -> None:
    async with (
        Barrier(redis_server) as barrier,
        holding_a_job(registry, client, barrier.url, 1_000) as (lock, tally, release),
    ):
        barrier.renewals.clear()
        barrier.results.clear()
        release.set()
        await asyncio.wait_for(barrier.has_result.wait(), 10)

        async def has_expired() -> bool:
            return not await redis.exists(lock)

        await eventually(has_expired, "the lock expires")
        barrier.renewals.set()

        async def is_told() -> bool:
            return tally.locks_lost > 0

        await eventually(is_told, "it is counted as lost", 4)
        barrier.results.set()


async def test_a_lock_that_goes_while_its_job_runs_is_lost(
    registry: JobRegistry, client: JobClient, redis_server: RedisServer, redis: Redis
) -> None:
    async with holding_a_job(registry, client, redis_server.url, 2_000) as (lock, tally, _):
        await redis.delete(lock)

        async def is_told() -> bool:
            return tally.locks_lost > 0

        await eventually(is_told, "it is counted as lost")
