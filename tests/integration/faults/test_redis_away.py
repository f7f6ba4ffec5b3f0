"""Redis away, or losing replies, while a job is added."""

from __future__ import annotations

import asyncio

import pytest

from midday_worker.testing import RedisServer
from tests.integration.faults.engine import Engine, Refused
from tests.integration.faults.engines import EngineAt
from tests.redis_proxy import LossyProxy


@pytest.mark.fault(6)
async def test_a_lost_reply_makes_one_job(engine: Engine, engine_at: EngineAt, redis_server: RedisServer) -> None:
    first = await engine.add("first")  # Redis has the script now: what is lost is not its NOSCRIPT
    async with LossyProxy(redis_server, b":jobs:meta") as proxy:
        lossy = engine_at(proxy.url)
        second = await lossy.add("second")
        await lossy.close()
    assert proxy.losses == 0, "no reply was lost: the test shows nothing"
    assert sorted(await engine.waiting()) == sorted([first, second])


@pytest.mark.fault(6)
async def test_a_lost_reply_of_a_batch_makes_no_second_copies(
    engine: Engine, engine_at: EngineAt, redis_server: RedisServer
) -> None:
    first = await engine.add_many(["first"])
    async with LossyProxy(redis_server, b":jobs:meta") as proxy:
        lossy = engine_at(proxy.url)
        try:
            second = await lossy.add_many(["second", "third"])
        except Refused as error:
            assert "may have been written" in str(error)
            second = [job_id for job_id in await engine.waiting() if job_id not in first]
        await lossy.close()
    assert proxy.losses == 0, "no reply was lost: the test shows nothing"
    assert len(second) == 2
    assert sorted(await engine.waiting()) == sorted(first + second)


@pytest.mark.fault(7)
async def test_adding_a_job_while_redis_is_down_is_an_error_in_time(
    engine_at: EngineAt, mortal_redis: RedisServer
) -> None:
    engine = engine_at(mortal_redis.url)
    await engine.add("first")
    await asyncio.to_thread(mortal_redis.kill)
    adding = asyncio.create_task(engine.add("second"))
    await asyncio.wait({adding}, timeout=10)
    done = adding.done()
    adding.cancel()
    assert done, "still trying after 10 s"
    with pytest.raises(Refused):
        await adding
