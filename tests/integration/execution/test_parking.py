"""Jobs without a handler here: how often they were parked is stored with them, and nothing else counts as that."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from midday_worker import JobClient, JobContext, JobRegistry, Settings, job
from tests.deadline import eventually
from tests.integration.crew import Crew


async def test_only_parking_counts_as_parking(
    client: JobClient, registry: JobRegistry, settings: Settings, redis: Redis
) -> None:
    """Drains, stalls and lost replies start a job again too, without an attempt used."""

    async def give_back(data: int, ctx: JobContext) -> int:
        return data

    known, elsewhere = job("known", int, give_back, registry=registry), JobRegistry()
    job("other", int, give_back, registry=elsewhere)
    handle = await known.trigger(7, client=client)
    key = f"{settings.redis_prefix}:default:{handle.id}"

    async def stored() -> list[bytes | str | None]:
        return await redis.hmget(key, ["parked", "delay"])

    await redis.hset(key, "ats", "40")
    async with Crew(elsewhere, settings):
        for count, delay_ms in ((1, 5_000), (2, 10_000), (3, 20_000)):

            async def is_parked(count: int = count, delay_ms: int = delay_ms) -> bool:
                return await stored() == [str(count), str(delay_ms)]

            await eventually(is_parked, f"it is parked, {count} times so far")
            assert await handle.state() == "delayed"
            await handle.promote()
    async with Crew(registry, settings):
        assert await handle.result("20s") == 7
    assert (await handle.fetch()).attemptsMade == 1


@pytest.mark.parametrize("reset_attempts", [False, True])
async def test_a_job_that_was_given_up_is_parked_anew_after_a_retry(
    client: JobClient, registry: JobRegistry, settings: Settings, redis: Redis, *, reset_attempts: bool
) -> None:
    async def give_back(data: int, ctx: JobContext) -> int:
        return data

    elsewhere = JobRegistry()
    job("other", int, give_back, registry=elsewhere)
    handle = await job("known", int, give_back, registry=registry).trigger(7, client=client)
    await redis.hset(f"{settings.redis_prefix}:default:{handle.id}", "parked", "12")

    async def is_in(state: str) -> bool:
        return await handle.state() == state

    async with Crew(elsewhere, settings):
        await eventually(lambda: is_in("failed"), "it is given up")
        await handle.retry(reset_attempts=reset_attempts)
        await eventually(lambda: is_in("delayed"), "it is parked")
