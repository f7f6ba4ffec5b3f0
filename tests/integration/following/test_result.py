"""`handle.result()`: waiting for a job's end, whenever that comes."""

from __future__ import annotations

import asyncio
import json

import pytest
from redis.asyncio import Redis

from midday_worker import (
    JobClient,
    JobContext,
    JobDefinition,
    JobFailedError,
    JobNotFoundError,
    JobRegistry,
    JobResultTimeoutError,
    PayloadError,
    RedisRefusedError,
    Settings,
    job,
    results,
)
from midday_worker.engine.redis.connection import RedisConfig, connect
from midday_worker.testing import RedisServer
from tests.deadline import eventually
from tests.integration.crew import Crew
from tests.integration.following.listeners import listeners


def doubling(registry: JobRegistry, hold: asyncio.Event | None = None) -> JobDefinition[int, int]:
    async def double(data: int, ctx: JobContext) -> int:
        if hold is not None:
            await hold.wait()
        return data * 2

    return job("double", int, double, registry=registry)


async def test_the_result_of_a_job_that_has_ended_is_there_at_once(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    double = doubling(registry)
    async with Crew(registry, settings):
        triggered = await double.trigger(21, client=client)
        assert await triggered.result("10s") == 42
    assert await triggered.result("10s") == 42
    assert await triggered.state() == "completed"


async def test_the_result_comes_as_soon_as_the_job_ends(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    hold = asyncio.Event()
    double = doubling(registry, hold)
    triggered = await double.trigger(21, client=client)
    waiting = [asyncio.create_task(triggered.result("10s")) for _ in range(3)]
    async with Crew(registry, settings):
        await asyncio.sleep(0)
        hold.set()
        async with asyncio.timeout(4.5):  # less than the 5 s after which the state is looked at without an event
            assert await asyncio.gather(*waiting) == [42, 42, 42]


async def test_a_job_that_is_not_done_in_time_goes_on(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    hold = asyncio.Event()
    double = doubling(registry, hold)
    async with Crew(registry, settings):
        triggered = await double.trigger(21, client=client)
        with pytest.raises(JobResultTimeoutError, match=r"after 200 ms; its state was (active|waiting)") as caught:
            await triggered.result("200ms")
        hold.set()
        assert await triggered.result("10s") == 42
    assert isinstance(caught.value, TimeoutError)


async def test_a_limit_of_zero_asks_whether_the_job_has_ended(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    hold = asyncio.Event()
    double = doubling(registry, hold)
    handles = await double.batch_trigger([{"payload": number} for number in range(20)], client=client)
    with pytest.raises(JobResultTimeoutError, match=r"after 0 ms; its state was waiting\. It goes on"):
        await handles[0].result(0)
    with pytest.raises(JobResultTimeoutError, match=r"after 0 ms; its state was waiting\. It goes on"):
        await results(handles, timeout=0)
    hold.set()
    async with Crew(registry, settings):
        await results(handles, timeout="10s")
    assert await handles[1].result(0) == 2
    assert await results(handles, timeout=0) == [2 * number for number in range(20)]
    with pytest.raises(JobNotFoundError):
        await double.handle("nobody", client=client).result(0)


async def test_a_failed_job_says_why_and_where(client: JobClient, registry: JobRegistry, settings: Settings) -> None:
    async def refuse(data: int, ctx: JobContext) -> None:
        raise LookupError("no such user")

    refusing = job("refuse", int, refuse, attempts=1, registry=registry)
    async with Crew(registry, settings):
        triggered = await refusing.trigger(1, client=client)
        with pytest.raises(JobFailedError) as caught:
            await triggered.result("10s")
    error = caught.value
    assert (error.job, error.job_id, error.queue, error.attempts) == ("refuse", triggered.id, "default", 1)
    assert error.reason == "no such user"
    assert "test_result.py" in error.stacktrace[0]


async def test_a_job_that_completes_with_none_after_a_failed_attempt_has_not_failed(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    async def stumble(data: int, ctx: JobContext) -> None:
        if ctx.job.attemptsMade == 0:
            raise LookupError("not yet")

    stumbling = job("stumble", int, stumble, attempts=2, backoff=0, registry=registry)
    async with Crew(registry, settings):
        assert await (await stumbling.trigger(1, client=client)).result("10s") is None  # type: ignore[func-returns-value]


async def test_a_job_that_failed_without_a_reason_has_failed(
    client: JobClient, registry: JobRegistry, redis: Redis, settings: Settings
) -> None:
    triggered = await doubling(registry).trigger(1, client=client)
    prefix = f"{settings.redis_prefix}:default"
    await redis.lrem(f"{prefix}:wait", 0, triggered.id)
    await redis.zadd(f"{prefix}:failed", {triggered.id: 1})
    await redis.hset(f"{prefix}:{triggered.id}", mapping={"failedReason": "", "finishedOn": "1"})
    with pytest.raises(JobFailedError, match="gave no reason"):
        await triggered.result("10s")


async def test_a_trimmed_job_is_not_found(client: JobClient, registry: JobRegistry, settings: Settings) -> None:
    double = doubling(registry)
    async with Crew(registry, settings):
        triggered = await double.trigger(1, client=client, remove_on_complete=True)
        last = await double.trigger(2, client=client)
        assert await last.result("10s") == 4
        with pytest.raises(JobNotFoundError, match="trimmed"):
            await triggered.result("10s")
        with pytest.raises(JobNotFoundError):
            await triggered.fetch()
    assert await triggered.state() == "unknown"


async def test_the_result_of_a_job_that_is_removed_at_its_end_comes_from_the_event(
    client: JobClient, registry: JobRegistry, settings: Settings, redis: Redis
) -> None:
    hold = asyncio.Event()
    double = doubling(registry, hold)
    triggered = await double.trigger(1, client=client, remove_on_complete=True)
    waiting = asyncio.create_task(triggered.result("10s"))
    await eventually(lambda: listeners(redis, settings), "somebody listens to the queue")
    async with Crew(registry, settings):
        hold.set()
        async with asyncio.timeout(4.5):
            assert await waiting == 2


async def test_a_stored_result_of_another_form_is_an_error_of_its_own(
    client: JobClient, registry: JobRegistry, settings: Settings, redis: Redis
) -> None:
    double = doubling(registry)
    async with Crew(registry, settings):
        triggered = await double.trigger(1, client=client)
        await triggered.result("10s")
    await redis.hset(f"{settings.redis_prefix}:default:{triggered.id}", "returnvalue", json.dumps("many"))
    with pytest.raises(PayloadError, match="Invalid stored result for job 'double'"):
        await triggered.result("10s")


async def test_waiting_survives_a_restart_of_redis(registry: JobRegistry, mortal_redis: RedisServer) -> None:
    settings = Settings(env_file=None, redis_url=mortal_redis.url)
    double = doubling(registry)
    async with JobClient(settings) as client:
        triggered = await double.trigger(21, client=client)
        waiting = asyncio.create_task(triggered.result("20s"))
        await asyncio.sleep(0)
        await asyncio.to_thread(mortal_redis.kill)
        mortal_redis.restart()
        async with Crew(registry, settings):
            assert await waiting == 42


async def test_a_redis_that_refuses_is_an_error_of_ours(registry: JobRegistry, mortal_redis: RedisServer) -> None:
    settings = Settings(env_file=None, redis_url=mortal_redis.url)
    double = doubling(registry)
    async with JobClient(settings) as client, connect(RedisConfig(mortal_redis.url)) as redis:
        triggered = await double.trigger(21, client=client)
        await redis.acl_setuser("default", enabled=True, commands=["-zmscore"])  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
        with pytest.raises(RedisRefusedError, match="zmscore"):
            await triggered.result("10s")
