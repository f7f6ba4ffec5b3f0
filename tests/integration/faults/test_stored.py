"""Jobs as they may be found in Redis: edited by hand, written by something else, trimmed."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from tests.deadline import eventually
from tests.integration.faults.engine import QUEUE, Engine
from tests.integration.faults.state import until_state


@pytest.fixture
def key(redis_prefix: str) -> str:
    """The prefix of the queue's keys."""
    return f"{redis_prefix}:{QUEUE}"


@pytest.mark.fault(18)
@pytest.mark.parametrize("field", ["data", "opts"])
async def test_a_job_whose_stored_fields_are_no_json_fails_once(
    engine: Engine, redis: Redis, key: str, field: str
) -> None:
    broken = await engine.add("word")
    await redis.hset(f"{key}:{broken}", field, "{not json")

    async def handle(data: object) -> None: ...

    async with engine.working(handle):
        await until_state(engine, await engine.add("good"), "completed")
        await until_state(engine, broken, "failed")


@pytest.mark.fault(18)
async def test_a_job_that_cannot_be_read_hides_no_other_from_a_listing(engine: Engine, redis: Redis, key: str) -> None:
    ids = [await engine.add("word") for _ in range(3)]
    await redis.hset(f"{key}:{ids[1]}", "data", "{not json")
    assert sorted(await engine.waiting()) == sorted(ids)


@pytest.mark.fault(24)
async def test_a_job_whose_hash_is_gone_runs_no_handler_and_stays_nowhere(
    engine: Engine, redis: Redis, key: str
) -> None:
    runs: list[object] = []

    async def handle(data: object) -> None:
        runs.append(data)

    gone = await engine.add("gone")
    await redis.delete(f"{key}:{gone}")
    async with engine.working(handle):
        await until_state(engine, await engine.add("good"), "completed")

        async def nothing_is_active() -> bool:
            return await redis.llen(f"{key}:active") == 0

        await eventually(nothing_is_active, "the job without a hash has left the active list")
    assert runs == ["good"]
