"""A job like those before it goes to Redis by a shorter way; whatever happens to Redis meanwhile, it ends the same."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable
from contextlib import asynccontextmanager
from typing import NoReturn

import pytest

from midday_worker import (
    JobClient,
    JobContext,
    JobDefinition,
    JobOptions,
    JobRegistry,
    RedisRefusedError,
    RedisUnavailableError,
    Settings,
    job,
)
from midday_worker.engine.producer.add_commands import Addition
from midday_worker.engine.producer.backend import Backend
from midday_worker.engine.producer.queue import Queue
from midday_worker.testing import RedisServer
from tests.redis_proxy import LossyProxy

LIMIT_S = 0.5
LONG_S = 4.0
BEFORE = 3
"""So many have gone before, so that the way is the short one."""
VICTIM = 424_242

Definition = JobDefinition[int, int]


@pytest.fixture
def add(registry: JobRegistry) -> Definition:
    async def handle(data: int, ctx: JobContext) -> int:
        return data

    return job("add", int, handle, registry=registry)


@asynccontextmanager
async def warm_client(add: Definition, url: str) -> AsyncGenerator[JobClient]:
    settings = Settings(env_file=None, redis_url=url, redis_command_timeout=round(LIMIT_S * 1000))
    async with JobClient(settings) as client:
        for number in range(BEFORE):
            await add.trigger(number, client=client)
        yield client


async def failure_of(call: Awaitable[object]) -> RedisUnavailableError:
    """Return the error that this call ends with, in time."""
    started = time.monotonic()
    with pytest.raises(RedisUnavailableError) as caught:
        await call
    assert time.monotonic() - started < LONG_S
    return caught.value


async def waiting(client: JobClient) -> int:
    return (await client.queue("default").getJobCounts("waiting"))["waiting"] - BEFORE


async def test_it_is_the_short_way(mortal_redis: RedisServer, add: Definition, monkeypatch: pytest.MonkeyPatch) -> None:
    async with warm_client(add, mortal_redis.url) as client:
        monkeypatch.setattr(Queue, "bounded", None)
        await add.trigger(VICTIM, client=client)
        assert await waiting(client) == 1


async def test_one_whose_reply_is_lost_is_added_once(mortal_redis: RedisServer, add: Definition) -> None:
    async with LossyProxy(mortal_redis, str(VICTIM).encode()) as proxy, warm_client(add, proxy.url) as client:
        handle = await add.trigger(VICTIM, client=client)
        assert proxy.losses == 0
        assert await waiting(client) == 1
        assert await handle.state() == "waiting"


async def test_one_whose_reply_is_lost_twice_may_have_been_written(mortal_redis: RedisServer, add: Definition) -> None:
    async with LossyProxy(mortal_redis, str(VICTIM).encode(), losses=2) as proxy, warm_client(add, proxy.url) as client:
        error = await failure_of(add.trigger(VICTIM, client=client))
        assert (error.may_have_been_written, len(error.job_ids)) == (True, 1)
        assert await client.state("default", error.job_ids[0]) == "waiting"
        assert await waiting(client) == 1


@pytest.mark.parametrize(
    "options", [JobOptions(remove_on_complete=True), JobOptions(deduplication={"id": "one"})], ids=["brief", "alone"]
)
async def test_one_that_might_run_twice_is_not_sent_again(
    mortal_redis: RedisServer, registry: JobRegistry, options: JobOptions
) -> None:
    async def handle(data: int, ctx: JobContext) -> int:
        return data

    add = job("add", int, handle, registry=registry, **options)
    async with LossyProxy(mortal_redis, str(VICTIM).encode()) as proxy, warm_client(add, proxy.url) as client:
        error = await failure_of(add.trigger(VICTIM, client=client))
        assert (error.may_have_been_written, len(error.job_ids)) == (True, 1)


async def test_with_redis_frozen_it_may_have_been_written_and_ends_in_time(
    mortal_redis: RedisServer, add: Definition
) -> None:
    async with warm_client(add, mortal_redis.url) as client:
        mortal_redis.pause()
        try:
            calls = [add.trigger(VICTIM, client=client) for _ in range(20)]
            errors = await asyncio.gather(*(failure_of(call) for call in calls))
        finally:
            mortal_redis.resume()
        assert all(error.may_have_been_written for error in errors)
        assert len({error.job_ids for error in errors}) == 20
        assert f"job id {errors[0].job_ids[0]}" in str(errors[0])


async def test_a_second_try_has_only_the_time_that_the_first_one_left(
    mortal_redis: RedisServer, add: Definition, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(backend: Backend, addition: Addition) -> NoReturn:
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    async with LossyProxy(mortal_redis, str(VICTIM).encode()) as proxy, warm_client(add, proxy.url) as client:
        monkeypatch.setattr(Backend, "add_one", hang)
        async with asyncio.timeout(LONG_S):
            assert (await failure_of(add.trigger(VICTIM, client=client))).may_have_been_written


async def test_with_redis_killed_nothing_was_written(mortal_redis: RedisServer, add: Definition) -> None:
    async with warm_client(add, mortal_redis.url) as client:
        await asyncio.to_thread(mortal_redis.kill)
        error = await failure_of(add.trigger(VICTIM, client=client))
        assert not error.may_have_been_written
        assert "Nothing was written" in str(error)
        mortal_redis.restart()
        await add.trigger(VICTIM, client=client)


async def test_a_server_that_has_forgotten_the_script_is_told_it(mortal_redis: RedisServer, add: Definition) -> None:
    async with warm_client(add, mortal_redis.url) as client:
        await client.queue("default").ask("SCRIPT", "FLUSH")
        await asyncio.gather(*(add.trigger(VICTIM, client=client) for _ in range(20)))
        assert await waiting(client) == 20


async def test_one_that_redis_refuses_is_refused(mortal_redis: RedisServer, add: Definition) -> None:
    async with warm_client(add, mortal_redis.url) as client:
        await client.queue("default").ask("CONFIG", "SET", "maxmemory", "1")
        with pytest.raises(RedisRefusedError, match="add a job to queue default"):
            await add.trigger(VICTIM, client=client)
        await client.queue("default").ask("CONFIG", "SET", "maxmemory", "0")
        assert await waiting(client) == 0


async def test_one_that_is_cancelled_takes_no_other_with_it(mortal_redis: RedisServer, add: Definition) -> None:
    async with warm_client(add, mortal_redis.url) as client:
        triggers = [asyncio.create_task(add.trigger(VICTIM + n, client=client)) for n in range(10)]
        await asyncio.sleep(0)
        for trigger in triggers[::2]:
            trigger.cancel()
        outcomes = await asyncio.gather(*triggers, return_exceptions=True)
        cancelled, added = outcomes[::2], outcomes[1::2]
        assert all(isinstance(one, asyncio.CancelledError) for one in cancelled)
        data = [(await handle.fetch()).data for handle in added if not isinstance(handle, BaseException)]
        assert data == [VICTIM + n for n in range(1, 10, 2)]
