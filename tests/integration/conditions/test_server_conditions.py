"""Redis answers, and can't do what it is asked: a clear message, no storm, and recovery without a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import cast

import pytest
from redis.asyncio import Redis

from midday_worker import JobClient, JobContext, JobDefinition, JobRegistry, RedisRefusedError, Settings, job
from midday_worker.engine.redis.connection import RedisConfig, connect
from midday_worker.engine.redis.pause import FIRST_S, LONGEST_S
from midday_worker.testing import RedisServer
from tests.deadline import eventually
from tests.integration.conditions.ailment import AILMENTS, send, server_whose_disk_fills
from tests.integration.crew import Crew

JOBS = 12
MEASURED_S = 4.0


def most_tries(seconds: float) -> int:
    """Return how often one who pauses between tries can try in so long: each pause by chance as short as it may be."""
    tries, spent = 1, 0.0
    while (spent := spent + min(LONGEST_S, FIRST_S * 2.0**tries) / 2) < seconds:
        tries += 1
    return tries


# Each job's end is tried, and both queues wait for jobs and fetch them: a storm is thousands.
MOST_PER_SECOND = (JOBS + 2 * 2) * most_tries(MEASURED_S) / MEASURED_S


class Work:
    """Jobs on two queues that end when they may, and what ran."""

    def __init__(self, registry: JobRegistry) -> None:
        self.may_end = asyncio.Event()
        self.all_run = asyncio.Event()
        self.runs: list[int] = []
        self.queues: list[JobDefinition[int, int]] = [
            job(f"double-{queue}", int, self.handle, queue=queue, registry=registry) for queue in ("a", "b")
        ]

    async def handle(self, data: int, ctx: JobContext) -> int:
        self.runs.append(data)
        if len(self.runs) == JOBS:
            self.all_run.set()
        await self.may_end.wait()
        return data * 2


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with server_whose_disk_fills(tmp_path) as server:
        yield server


@pytest.fixture
async def redis(server: RedisServer) -> AsyncIterator[Redis]:
    async with connect(RedisConfig(server.url)) as redis:
        yield redis


async def asked_again(redis: Redis, times: int) -> None:
    """Wait until idle workers, whose waits may still go on, have asked for something so often."""

    async def asked() -> int:
        stats = cast("dict[str, dict[str, int]]", await send(redis, "INFO", "commandstats"))
        fetches = [stats.get(f"cmdstat_{name}", {}) for name in ("bzpopmin", "evalsha", "auth", "hello")]
        return sum(entry.get("calls", 0) + entry.get("rejected_calls", 0) for entry in fetches)

    before = await asked()

    async def again() -> bool:
        return await asked() >= before + times

    await eventually(again, "idle workers ask again", 30)


async def commands_per_second(redis: Redis) -> float:
    """Measure what is asked of a server for a while."""
    await send(redis, "CONFIG", "RESETSTAT")
    await asyncio.sleep(MEASURED_S)
    stats = cast("dict[str, dict[str, int]]", await send(redis, "INFO", "commandstats"))
    # What scripts do within is theirs; here it is how often the server is asked.
    asked = [entry for name, entry in stats.items() if name.removeprefix("cmdstat_") in ASKED]
    return sum(entry["calls"] + entry.get("rejected_calls", 0) for entry in asked) / MEASURED_S


ASKED = {
    *("evalsha", "eval", "bzpopmin", "ping", "multi", "exec", "hgetall", "lrange", "mget", "script|load", "script"),
    *("hello", "auth", "client|setinfo", "client|setname", "info", "zadd"),
}


@pytest.mark.parametrize("name", AILMENTS)
async def test_work_survives_what_ails_redis(
    server: RedisServer, redis: Redis, registry: JobRegistry, lines: list[str], name: str
) -> None:
    """Jobs that end meanwhile keep their result, and run once; others are refused clearly; both queues go on after."""
    ailment, refusal = AILMENTS[name]
    work, settings = Work(registry), Settings(env_file=None, redis_url=server.url, concurrency=JOBS)
    async with Crew(registry, settings), JobClient(settings) as client:
        handles = [await work.queues[n % 2].trigger(n, client=client) for n in range(JOBS)]
        await asyncio.wait_for(work.all_run.wait(), 20)
        async with ailment(server, redis):
            for definition in work.queues:
                with pytest.raises(RedisRefusedError, match=refusal):
                    await definition.trigger(100, client=client)
            with pytest.raises(RedisRefusedError, match=refusal):
                await work.queues[0].batch_trigger([{"payload": 100}], client=client)
            work.may_end.set()
            rate = await commands_per_second(redis)
        assert [await handle.result("30s") for handle in handles] == [n * 2 for n in range(JOBS)]
        for definition in work.queues:
            assert await (await definition.trigger(50, client=client)).result("30s") == 100
    assert sorted(work.runs) == [*range(JOBS), 50, 50]
    assert rate < MOST_PER_SECOND, f"{rate} commands in a second"
    assert len([line for line in lines if "does not answer as it should" in line]) <= 1, lines
    assert not [line for line in lines if "could not be settled" in line]


async def test_idle_workers_do_not_storm_a_redis_that_is_ill_and_take_up_work_after(
    tmp_path: Path, lines: list[str]
) -> None:
    """Of each ailment one server with its workers, all at once, as most of it is waiting."""
    rates = dict(zip(AILMENTS, await asyncio.gather(*(idle_rate(name, tmp_path) for name in AILMENTS)), strict=True))
    assert all(rate < MOST_PER_SECOND for rate in rates.values()), rates
    said = [line.partition(" does not answer as it should")[0] for line in lines if "does not answer as it" in line]
    assert len(said) == len(set(said)), lines


async def idle_rate(name: str, folder: Path) -> float:
    """Return how many commands in a second idle workers ask of a server that suffers from this; see them recover."""
    work = Work(registry := JobRegistry())
    work.may_end.set()
    directory = folder / name.replace(" ", "-")
    directory.mkdir()
    with server_whose_disk_fills(directory) as server:
        settings = Settings(env_file=None, redis_url=server.url)
        async with Crew(registry, settings), JobClient(settings) as client, connect(RedisConfig(server.url)) as redis:
            await (await work.queues[0].trigger(1, client=client)).result("10s")
            async with AILMENTS[name][0](server, redis):
                await asked_again(redis, len(work.queues))
                rate = await commands_per_second(redis)
            for definition in work.queues:
                assert await (await definition.trigger(2, client=client)).result("30s") == 4
    return rate
