"""Every way to add jobs ends in time when Redis is away, and says whether anything may have been written."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import pytest

from midday_worker import JobClient, JobContext, JobDefinition, JobRegistry, RedisUnavailableError, Settings, job
from midday_worker.engine.producer import queue as queue_module
from midday_worker.engine.producer.add_commands import Addition
from midday_worker.engine.redis.connection import RedisConfig, connect
from midday_worker.testing import RedisServer
from tests.redis_proxy import BlackHole

LIMIT_S = 0.5
LONG_S = 4.0
"""Far more than the limit, as other programs run beside this; far less than a call without one takes."""

Definition = JobDefinition[int, int]
Call = Callable[[Definition, JobClient], Awaitable[object]]

CALLS: dict[str, Call] = {
    "trigger": lambda add, client: add.trigger(1, client=client, job_id="one"),
    "trigger_delayed": lambda add, client: add.trigger_delayed(1, "1h", client=client),
    "batch_trigger": lambda add, client: add.batch_trigger([{"payload": 1}, {"payload": 2}], client=client),
    "trigger_flow": lambda add, client: add.trigger_flow(1, children=[add.node(2)], client=client),
    "trigger_flow with ids": lambda add, client: add.trigger_flow(1, children=[add.node(2)], client=client, job_id="r"),
    "trigger_recurring": lambda add, client: add.trigger_recurring(1, "0 9 * * *", client=client),
}
READS_FIRST = {"trigger_flow with ids"}
"""Calls that look before they write: where nothing answers, nothing was written."""


@pytest.fixture
def add(registry: JobRegistry) -> Definition:
    async def handle(data: int, ctx: JobContext) -> int:
        return data

    return job("add", int, handle, registry=registry)


@pytest.fixture
async def hole(mortal_redis: RedisServer) -> AsyncIterator[BlackHole]:
    async with BlackHole(mortal_redis) as hole:
        yield hole


def client_of(url: str) -> JobClient:
    return JobClient(Settings(env_file=None, redis_url=url, redis_command_timeout=round(LIMIT_S * 1000)))


async def failure_of(call: Awaitable[object]) -> RedisUnavailableError:
    """Return the error that this call ends with, in time."""
    started = time.monotonic()
    with pytest.raises(RedisUnavailableError) as caught:
        await call
    assert time.monotonic() - started < LONG_S
    return caught.value


def says(error: RedisUnavailableError, *, written: bool) -> None:
    assert error.may_have_been_written is written
    assert ("may have been written" in str(error)) is written
    assert ("Nothing was written" in str(error)) is not written
    assert ("Calling again" in str(error)) is written


@pytest.mark.parametrize("name", CALLS)
async def test_with_redis_killed_nothing_was_written(mortal_redis: RedisServer, add: Definition, name: str) -> None:
    async with client_of(mortal_redis.url) as client:
        await client.state("default", "warm-up")
        await asyncio.to_thread(mortal_redis.kill)
        says(await failure_of(CALLS[name](add, client)), written=False)
        mortal_redis.restart()
        await CALLS[name](add, client)


@pytest.mark.parametrize("name", CALLS)
async def test_with_redis_frozen_it_may_have_been_written(
    mortal_redis: RedisServer, add: Definition, name: str
) -> None:
    async with client_of(mortal_redis.url) as client:
        await client.state("default", "warm-up")
        mortal_redis.pause()
        try:
            error = await failure_of(CALLS[name](add, client))
        finally:
            mortal_redis.resume()
        says(error, written=name not in READS_FIRST)


@pytest.mark.parametrize("name", CALLS)
async def test_with_a_black_hole_between_it_may_have_been_written(hole: BlackHole, add: Definition, name: str) -> None:
    async with client_of(hole.url) as client:
        await client.state("default", "warm-up")
        hole.swallow()
        says(await failure_of(CALLS[name](add, client)), written=name not in READS_FIRST)


@pytest.mark.parametrize("name", ["trigger", "trigger_recurring"])
async def test_without_a_connection_to_begin_with_nothing_was_written(
    hole: BlackHole, add: Definition, name: str
) -> None:
    """The proxy accepts, and no handshake comes to an end."""
    hole.swallow()
    async with client_of(hole.url) as client:
        says(await failure_of(CALLS[name](add, client)), written=False)
        hole.forward()
        await CALLS[name](add, client)


@pytest.mark.parametrize("name", ["trigger", "batch_trigger", "trigger_flow", "trigger_recurring"])
async def test_a_call_of_several_commands_has_the_limit_of_one(
    mortal_redis: RedisServer, hole: BlackHole, add: Definition, name: str
) -> None:
    """Each of them is answered within it: the script is asked for, loaded, and asked for again."""
    async with client_of(hole.url) as client, connect(RedisConfig(mortal_redis.url)) as redis:
        await client.state("default", "warm-up")
        await redis.script_flush()
        hole.slow_s = LIMIT_S * 0.32  # each way
        await client.state("default", "one command")
        await failure_of(CALLS[name](add, client))


async def test_a_flow_with_ids_looks_and_is_added_within_one_limit(hole: BlackHole, add: Definition) -> None:
    """Each of the two is answered within it, and not both."""
    name = "trigger_flow with ids"
    async with client_of(hole.url) as client:
        await CALLS["trigger_flow"](add, client)  # now Redis has the scripts
        hole.slow_s = LIMIT_S * 0.32  # each way
        await failure_of(CALLS[name](add, client))


async def test_a_flow_with_ids_whose_reply_is_lost_after_it_looked_may_have_been_written(
    hole: BlackHole, add: Definition, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with client_of(hole.url) as client:
        backend = client.queue("default").own_backend
        write = backend.add

        async def lose(additions: Sequence[Addition]) -> list[object]:
            hole.swallow()
            return await write(additions)

        monkeypatch.setattr(backend, "add", lose)
        error = await failure_of(CALLS["trigger_flow with ids"](add, client))
        says(error, written=True)
        assert "add a flow of 2 jobs" in str(error)


async def test_reads_end_in_time_too(hole: BlackHole, add: Definition) -> None:
    async with client_of(hole.url) as client:
        await client.state("default", "warm-up")
        hole.swallow()
        await failure_of(client.find("default", "one"))
        await failure_of(client.state("default", "one"))
        await failure_of(client.schedules("default"))


async def test_calling_again_with_the_id_makes_one_job(hole: BlackHole, add: Definition) -> None:
    async with client_of(hole.url) as client:
        await client.state("default", "warm-up")
        hole.swallow()
        error = await failure_of(add.trigger(1, client=client, job_id="one"))
        assert error.job_ids == ("one",)
        hole.forward()
        for _ in range(2):
            await add.trigger(1, client=client, job_id="one")
        assert await client.queue("default").getJobCounts("waiting") == {"waiting": 1}


async def test_a_batch_that_fails_half_way_names_what_was_written(
    mortal_redis: RedisServer, add: Definition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_module, "BULK", 2)
    async with client_of(mortal_redis.url) as client:
        backend = client.queue("default").own_backend
        write, first = backend.add, asyncio.Event()
        batches: list[int] = []

        async def kill_after_the_first(additions: Sequence[Addition]) -> list[object]:
            batches.append(len(additions))
            if len(batches) == 1:
                answers = await write(additions)
                first.set()
                return answers
            await first.wait()
            await asyncio.to_thread(mortal_redis.kill)
            return await write(additions)

        monkeypatch.setattr(backend, "add", kill_after_the_first)
        error = await failure_of(add.batch_trigger([{"payload": n} for n in range(5)], client=client))
    assert error.may_have_been_written
    assert "2 jobs of the same call were written before" in str(error)
    assert len(error.job_ids) >= 4
