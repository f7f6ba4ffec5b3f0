"""Many who wait at once: one connection, and not one end missed, whenever it comes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import pytest
from redis.asyncio import Redis

from midday_worker import JobClient, JobContext, JobDefinition, JobRegistry, JobResultTimeoutError, Settings, job
from midday_worker.engine.following.state_snapshot import StateSnapshot, take_snapshot
from midday_worker.engine.producer.queue import Queue
from midday_worker.engine.redis.connection import RedisConfig, connect_blocking
from midday_worker.errors import ClientClosedError
from midday_worker.testing import RedisServer
from tests.deadline import eventually
from tests.integration.crew import Crew
from tests.integration.following.listeners import listeners

MANY = 2_000


def doubling(registry: JobRegistry) -> JobDefinition[int, int]:
    async def double(data: int, ctx: JobContext) -> int:
        return data * 2

    return job("double", int, double, registry=registry)


async def test_thousands_of_waiters_share_one_connection(
    client: JobClient, registry: JobRegistry, settings: Settings, redis: Redis
) -> None:
    double = doubling(registry)
    handles = await double.batch_trigger([{"payload": number} for number in range(MANY)], client=client)
    before = len(await connections(redis))
    waiting = asyncio.gather(*(handle.result("60s") for handle in handles))
    await eventually(lambda: listeners(redis, settings), "they wait")
    assert await listeners(redis, settings) == 1
    assert len(await connections(redis)) - before <= 2  # one for the events, one for the looks at states
    async with Crew(registry, settings):
        assert await waiting == [2 * number for number in range(MANY)]


async def connections(redis: Redis) -> list[dict[str, str]]:
    return await redis.client_list()  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - redis-py's **kwargs are untyped


async def test_jobs_that_end_while_they_are_asked_for_miss_nobody(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    """Each is waited for at once after it was added, while others end: before, during and after the call."""
    double = doubling(registry)

    async def ask(number: int) -> int:
        return await (await double.trigger(number, client=client)).result("30s")

    async with Crew(registry, settings):
        started = time.monotonic()
        for start in range(0, 1_000, 50):
            numbers = range(start, start + 50)
            assert await asyncio.gather(*map(ask, numbers)) == [2 * number for number in numbers]
    # A single end that only the slow look found would take 5 s.
    assert time.monotonic() - started < 30


async def test_the_connection_ends_after_the_last_has_left(
    client: JobClient, registry: JobRegistry, settings: Settings, redis: Redis
) -> None:
    triggered = await doubling(registry).trigger(1, client=client)
    waiting = [asyncio.create_task(triggered.result()) for _ in range(3)]
    await eventually(lambda: listeners(redis, settings), "they wait")
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)

    async def nobody_listens() -> bool:
        return await listeners(redis, settings) == 0

    await eventually(nobody_listens, "the connection is closed")


async def test_who_comes_while_the_connection_is_being_closed_is_told_too(
    client: JobClient, registry: JobRegistry, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("midday_worker.engine.following.events.LINGER_S", 0)
    closing, closed, looked = asyncio.Event(), asyncio.Event(), asyncio.Event()

    def connect_slowly(config: RedisConfig, name: str) -> Redis:
        made = connect_blocking(config, name)
        close = made.aclose

        async def aclose() -> None:
            closing.set()
            await closed.wait()
            await close()

        monkeypatch.setattr(made, "aclose", aclose)
        return made

    async def look_and_say(queue: Queue, job_ids: Sequence[str], progress_of: Sequence[str]) -> StateSnapshot:
        found = await take_snapshot(queue, job_ids, progress_of)
        asyncio.get_running_loop().call_soon(looked.set)
        return found

    monkeypatch.setattr("midday_worker.engine.following.events.connect_blocking", connect_slowly)
    first, second = await doubling(registry).batch_trigger([{"payload": 1}, {"payload": 2}], client=client)
    with pytest.raises(JobResultTimeoutError):
        await first.result("100ms")
    await asyncio.wait_for(closing.wait(), 10)
    monkeypatch.setattr("midday_worker.engine.following.events.take_snapshot", look_and_say)
    waiting = asyncio.create_task(second.result("20s"))
    await looked.wait()
    async with Crew(registry, settings):
        closed.set()
        assert await waiting == 4


async def test_a_job_that_has_ended_needs_no_connection(
    client: JobClient, registry: JobRegistry, settings: Settings, redis: Redis
) -> None:
    double = doubling(registry)
    async with Crew(registry, settings), JobClient(settings) as other:
        triggered = await double.trigger(1, client=client)
        await triggered.result("10s")
        await client.close()
        assert await double.handle(triggered.id, client=other).result("10s") == 2
        assert await listeners(redis, settings) == 0


async def test_who_waits_when_the_client_is_closed_is_told(registry: JobRegistry, settings: Settings) -> None:
    async with JobClient(settings) as client:
        triggered = await doubling(registry).trigger(1, client=client)
        waiting = asyncio.create_task(triggered.result("30s"))
        await asyncio.sleep(0)
    with pytest.raises(ClientClosedError):
        await waiting


async def test_waiters_survive_restarts_of_redis_and_ends_that_they_could_not_hear(
    registry: JobRegistry, mortal_redis: RedisServer
) -> None:
    settings = Settings(env_file=None, redis_url=mortal_redis.url)
    double = doubling(registry)
    async with JobClient(settings) as client:
        handles = await double.batch_trigger([{"payload": number} for number in range(200)], client=client)
        waiting = asyncio.gather(*(handle.result("60s") for handle in handles))
        async with Crew(registry, settings):
            await handles[0].result("30s")
            await asyncio.to_thread(mortal_redis.kill)
            mortal_redis.restart()
            assert await waiting == [2 * number for number in range(200)]


async def test_an_end_that_was_trimmed_from_the_stream_is_found_all_the_same(
    client: JobClient, registry: JobRegistry, settings: Settings, redis: Redis
) -> None:
    double = doubling(registry)
    triggered = await double.trigger(21, client=client)
    waiting = asyncio.create_task(triggered.result("30s"))
    await eventually(lambda: listeners(redis, settings), "somebody listens")
    prefix = f"{settings.redis_prefix}:default"
    # Ended as if by a worker whose event nobody could hear.
    async with redis.pipeline(transaction=True) as pipe:
        pipe.lrem(f"{prefix}:wait", 0, triggered.id)
        pipe.zadd(f"{prefix}:completed", {triggered.id: 1})
        pipe.hset(f"{prefix}:{triggered.id}", mapping={"returnvalue": "42", "finishedOn": "1"})
        await pipe.execute()
    assert await waiting == 42


async def test_a_time_limit_holds_while_redis_is_away(registry: JobRegistry, mortal_redis: RedisServer) -> None:
    settings = Settings(env_file=None, redis_url=mortal_redis.url)
    async with JobClient(settings) as client:
        triggered = await doubling(registry).trigger(21, client=client)
        await asyncio.to_thread(mortal_redis.kill)
        with pytest.raises(JobResultTimeoutError, match="its state was not known"):
            await triggered.result("300ms")
