"""A Redis that is replaced by one too old while workers are connected, as by a failover to a machine left behind."""

from __future__ import annotations

import asyncio

import pytest

from midday_worker import JobClient, JobContext, JobRegistry, RedisRefusedError, Settings, job
from midday_worker.testing import RedisServer
from tests.integration.crew import Crew
from tests.scripted_redis import OK, AncientRedis

MEASURED_S = 4.0
MOST_PER_SECOND = 20


async def test_work_survives_a_server_that_is_too_old_and_is_replaced(
    mortal_redis: RedisServer, registry: JobRegistry, lines: list[str]
) -> None:
    """What ends meanwhile keeps its result and runs once; a trigger is refused; nothing storms the server."""
    started, may_end = asyncio.Event(), asyncio.Event()
    runs: list[int] = []

    async def handle(data: int, ctx: JobContext) -> int:
        runs.append(data)
        started.set()
        await may_end.wait()
        return data * 2

    double = job("double", int, handle, registry=registry)
    settings = Settings(env_file=None, redis_url=mortal_redis.url)
    async with Crew(registry, settings), JobClient(settings) as client:
        first = await double.trigger(1, client=client)
        await asyncio.wait_for(started.wait(), 20)
        await asyncio.to_thread(mortal_redis.kill)
        async with AncientRedis(lambda _words: OK, port=mortal_redis.port) as ancient:
            with pytest.raises(RedisRefusedError, match=r"too old: BullMQ's scripts need 6.2 or newer"):
                await double.trigger(100, client=client)
            may_end.set()
            before = ancient.connections
            await asyncio.sleep(MEASURED_S)
            rate = (ancient.connections - before) / MEASURED_S
        await asyncio.to_thread(mortal_redis.restart)
        assert await first.result("30s") == 2
        assert await (await double.trigger(2, client=client)).result("30s") == 4
    assert runs == [1, 2]
    assert 0 < rate < MOST_PER_SECOND, f"{rate} connections in a second"
    assert len([line for line in lines if "does not answer as it should" in line]) == 1
    assert len([line for line in lines if "is too old: BullMQ's scripts need 6.2 or newer" in line]) == 1
    assert len([line for line in lines if line.endswith("is back")]) == 1
    assert not [line for line in lines if "could not be settled" in line]
