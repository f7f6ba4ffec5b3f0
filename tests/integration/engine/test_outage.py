"""Redis away, slow, or losing replies; and what a worker asks of it when nothing is to be done."""

from __future__ import annotations

import asyncio
import time

import pytest

from midday_worker import (
    JobClient,
    JobContext,
    JobDefinition,
    JobRegistry,
    RedisRefusedError,
    RedisUnavailableError,
    Settings,
    job,
)
from midday_worker.engine.redis.connection import RedisConfig, connect
from midday_worker.engine.wire.fetched import Fetched
from midday_worker.engine.worker.job_scripts import Transitions
from midday_worker.testing import RedisServer
from tests.deadline import eventually
from tests.integration.crew import Crew
from tests.integration.engine.command_stats import command
from tests.redis_proxy import LossyProxy


@pytest.fixture
def double(registry: JobRegistry) -> JobDefinition[int, int]:
    async def handle(data: int, ctx: JobContext) -> int:
        return data * 2

    return job("double", int, handle, registry=registry)


def at(url: str, **values: object) -> Settings:
    return Settings(env_file=None, redis_url=url, **values)


async def test_a_worker_goes_on_after_redis_was_killed_and_says_so_once_each_way(
    registry: JobRegistry, double: JobDefinition[int, int], mortal_redis: RedisServer, lines: list[str]
) -> None:
    settings = at(mortal_redis.url)
    async with Crew(registry, settings), JobClient(settings) as client:
        assert await (await double.trigger(1, client=client)).result("10s") == 2
        await asyncio.to_thread(mortal_redis.kill)

        async def is_noticed() -> bool:
            return any(line.startswith("ERROR") for line in lines)

        await eventually(is_noticed, "the worker notices")
        mortal_redis.restart()
        assert await (await double.trigger(2, client=client)).result("20s") == 4
    assert len([line for line in lines if line.startswith("ERROR")]) == 1, lines
    assert [line for line in lines if line.endswith("is back")] == [f"INFO Redis at {mortal_redis.url} is back"]


async def test_a_job_that_runs_while_redis_restarts_is_finished_and_runs_once(
    registry: JobRegistry, mortal_redis: RedisServer
) -> None:
    runs: list[int] = []
    started, release = asyncio.Event(), asyncio.Event()

    async def handle(data: int, ctx: JobContext) -> int:
        runs.append(data)
        started.set()
        await release.wait()
        return data

    slow = job("slow", int, handle, registry=registry)
    settings = at(mortal_redis.url)
    async with Crew(registry, settings), JobClient(settings) as client:
        triggered = await slow.trigger(1, client=client)
        await asyncio.wait_for(started.wait(), 10)
        await asyncio.to_thread(mortal_redis.kill)
        release.set()
        mortal_redis.restart()
        assert await triggered.result("20s") == 1
    assert runs == [1]


async def test_a_trigger_with_redis_down_fails_in_time_and_says_that_nothing_was_written(
    double: JobDefinition[int, int], mortal_redis: RedisServer
) -> None:
    async with JobClient(at(mortal_redis.url, redis_command_timeout="500ms")) as client:
        await asyncio.to_thread(mortal_redis.kill)
        started = time.monotonic()
        with pytest.raises(RedisUnavailableError, match="Nothing was written") as caught:
            await double.trigger(2, client=client)
        assert time.monotonic() - started < 3
        assert not caught.value.may_have_been_written
        mortal_redis.restart()
        await double.trigger(3, client=client)
        assert await client.queue("default").getJobCounts("waiting") == {"waiting": 1}


async def test_a_trigger_with_redis_frozen_fails_in_time_and_says_that_it_may_have_been_written(
    double: JobDefinition[int, int], mortal_redis: RedisServer
) -> None:
    async with JobClient(at(mortal_redis.url, redis_command_timeout="500ms")) as client:
        await double.trigger(1, client=client)
        mortal_redis.pause()
        started = time.monotonic()
        try:
            with pytest.raises(RedisUnavailableError, match="may have been written") as caught:
                await double.trigger(2, client=client, job_id="second")
            assert time.monotonic() - started < 3
        finally:
            mortal_redis.resume()
    assert caught.value.may_have_been_written
    assert caught.value.job_ids == ("second",)


async def test_lost_replies_of_a_batch_make_no_second_copies(
    settings: Settings, client: JobClient, redis_server: RedisServer, double: JobDefinition[int, int]
) -> None:
    items = [{"payload": n} for n in range(5)]
    async with LossyProxy(redis_server, b":default:meta", losses=10) as proxy:
        lossy = JobClient(settings.model_copy(update={"redis_url": at(proxy.url).redis_url}))
        with pytest.raises(RedisUnavailableError) as caught:
            await double.batch_trigger(items, client=lossy)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - made by a comprehension
        await lossy.close()
    assert caught.value.may_have_been_written
    assert len(caught.value.job_ids) == 5
    assert await client.queue("default").getJobCounts("waiting") == {"waiting": 5}


async def test_a_wrong_password_is_refused_and_not_tried_again(
    double: JobDefinition[int, int], mortal_redis: RedisServer
) -> None:
    async with connect(RedisConfig(mortal_redis.url)) as redis:
        await command(redis, "CONFIG", "SET", "requirepass", "right")
    wrong = mortal_redis.url.replace("redis://", "redis://:wrong@")
    async with JobClient(at(wrong)) as client:
        with pytest.raises(RedisRefusedError) as caught:
            await double.trigger(1, client=client)
    assert "wrong@" not in str(caught.value)


async def test_a_delayed_job_on_an_idle_queue_is_picked_up_when_it_is_due(
    registry: JobRegistry, settings: Settings, client: JobClient
) -> None:
    picked_up: list[float] = []

    async def handle(data: float, ctx: JobContext) -> None:
        picked_up.append(time.time() - data)

    late = job("late", float, handle, registry=registry)
    async with Crew(registry, settings):
        first = await late.trigger(time.time(), client=client)
        await first.result("10s")  # from here on, the worker waits
        delayed = await late.trigger_delayed(time.time() + 1.2, "1200ms", client=client)
        await delayed.result("10s")
    assert -0.1 < picked_up[1] < 0.7


async def test_a_fetch_that_fails_after_a_wait_is_tried_again_at_once(
    double: JobDefinition[int, int],
    registry: JobRegistry,
    settings: Settings,
    client: JobClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with Crew(registry, settings):
        fetch, failures = Transitions.fetch, [ConnectionError("the connection broke")]

        async def fail_once(moves: Transitions, token: str) -> Fetched:
            if failures:
                raise failures.pop()
            return await fetch(moves, token)

        await (await double.trigger(1, client=client)).result("10s")  # from here on, the worker waits
        monkeypatch.setattr(Transitions, "fetch", fail_once)
        async with asyncio.timeout(4.5):  # less than the 5 s of a wait
            assert await (await double.trigger(2, client=client)).result() == 4
    assert failures == []


async def test_an_idle_worker_outwaits_a_short_timeout_in_the_url(
    double: JobDefinition[int, int], registry: JobRegistry, mortal_redis: RedisServer, lines: list[str]
) -> None:
    settings = at(f"{mortal_redis.url}?socket_timeout=1")
    async with Crew(registry, settings), JobClient(settings) as client:
        await (await double.trigger(1, client=client)).result("10s")
        await asyncio.sleep(3)  # what is tested is that nothing happens
        assert await (await double.trigger(2, client=client)).result("10s") == 4
    assert [line for line in lines if not line.startswith("INFO")] == []


async def test_a_worker_can_be_stopped_while_redis_is_away(
    registry: JobRegistry, double: JobDefinition[int, int], mortal_redis: RedisServer, lines: list[str]
) -> None:
    settings = at(mortal_redis.url, redis_command_timeout="500ms")
    async with Crew(registry, settings) as crew, JobClient(settings) as client:
        await (await double.trigger(1, client=client)).result("10s")
        await asyncio.to_thread(mortal_redis.kill)

        async def is_noticed() -> bool:
            return any(line.startswith("ERROR") for line in lines)

        await eventually(is_noticed, "the worker notices")
        started = time.monotonic()
        assert await crew.worker.drain(5) is True
        assert time.monotonic() - started < 4
