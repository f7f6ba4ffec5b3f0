"""`handle.progress()`, `logs()` and `tail()`, while a job runs and after it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from midday_worker import JobClient, JobContext, JobDefinition, JobNotFoundError, JobRegistry, Settings, job
from midday_worker.testing import RedisServer
from tests.deadline import eventually
from tests.integration.crew import Crew
from tests.integration.following.listeners import listeners


class Steps:
    """A job that does a step each time the test lets it."""

    def __init__(self, registry: JobRegistry) -> None:
        self.allowed: asyncio.Queue[object] = asyncio.Queue()
        self.definition: JobDefinition[int, str] = job("step", int, self.handle, attempts=1, registry=registry)

    async def handle(self, data: int, ctx: JobContext) -> str:
        while (step := await self.allowed.get()) is not None:
            if isinstance(step, Exception):
                raise step
            if isinstance(step, str):
                await ctx.log(step)
            else:
                await ctx.job.updateProgress(step)
        return "done"

    def allow(self, *steps: object) -> None:
        """Let it do these; None ends it."""
        for step in steps:
            self.allowed.put_nowait(step)


@pytest.fixture
def steps(registry: JobRegistry) -> Steps:
    return Steps(registry)


async def collect(source: AsyncIterator[object], found: list[object]) -> None:
    async for each in source:
        found.append(each)


async def test_progress_comes_step_by_step_and_ends_with_the_job(
    client: JobClient, registry: JobRegistry, settings: Settings, steps: Steps, redis: Redis
) -> None:
    handle = await steps.definition.trigger(1, client=client)
    found: list[object] = []
    steps.allow(10)
    async with Crew(registry, settings):
        reading = asyncio.create_task(collect(handle.progress(), found))

        async def has_ten() -> bool:
            return found == [10]

        await eventually(has_ten, "the first step is told")
        steps.allow(20, {"at": ["é", None]}, 20, None)
        await asyncio.wait_for(reading, 10)
    assert found == [10, 20, {"at": ["é", None]}, 20]


async def test_who_comes_later_is_told_the_present_progress_first(
    client: JobClient, registry: JobRegistry, settings: Settings, steps: Steps
) -> None:
    handle = await steps.definition.trigger(1, client=client)
    steps.allow(10, 20)
    async with Crew(registry, settings):

        async def is_at_twenty() -> bool:
            return (await handle.fetch()).progress == 20

        await eventually(is_at_twenty, "two steps are done")
        progress = handle.progress()
        assert await anext(progress) == 20
        steps.allow(30, None)
        assert [each async for each in progress] == [30]
        assert [each async for each in handle.progress()] == [30]


async def test_progress_ends_with_a_job_that_fails(
    client: JobClient, registry: JobRegistry, settings: Settings, steps: Steps
) -> None:
    handle = await steps.definition.trigger(1, client=client)
    steps.allow(10, LookupError("no such step"))
    async with Crew(registry, settings):
        assert [each async for each in handle.progress()] == [10]
    assert await handle.state() == "failed"


async def test_progress_goes_on_over_a_restart_of_redis(registry: JobRegistry, mortal_redis: RedisServer) -> None:
    settings = Settings(env_file=None, redis_url=mortal_redis.url)
    steps = Steps(registry)
    found: list[object] = []
    async with JobClient(settings) as client:
        handle = await steps.definition.trigger(1, client=client)
        reading = asyncio.create_task(collect(handle.progress(), found))
        async with Crew(registry, settings):
            steps.allow(10)

            async def has_ten() -> bool:
                return found == [10]

            await eventually(has_ten, "the first step is told")
            await asyncio.to_thread(mortal_redis.kill)
            mortal_redis.restart()
            await eventually(lambda: answers(client), "Redis is back")
            steps.allow(20, None)
            await asyncio.wait_for(reading, 30)
    assert found[0] == 10
    assert found[-1] == 20


async def answers(client: JobClient) -> bool:
    return await client.state("default", "nobody") == "unknown"


async def test_the_log_can_be_read_and_followed(
    client: JobClient, registry: JobRegistry, settings: Settings, steps: Steps
) -> None:
    handle = await steps.definition.trigger(1, client=client)
    found: list[object] = []
    async with Crew(registry, settings):
        following = asyncio.create_task(collect(handle.tail(), found))
        steps.allow("first", "second")

        async def has_both() -> bool:
            return found == ["first", "second"]

        await eventually(has_both, "the rows are told while the job runs")
        steps.allow("second", "third", None)
        await asyncio.wait_for(following, 10)
    assert found == ["first", "second", "second", "third"] == await handle.logs()


async def test_a_bounded_log_is_followed_although_its_oldest_rows_go(
    client: JobClient, registry: JobRegistry, settings: Settings, steps: Steps
) -> None:
    handle = await steps.definition.trigger(1, client=client, keep_logs=3)
    found: list[object] = []
    async with Crew(registry, settings):
        following = asyncio.create_task(collect(handle.tail(), found))
        for start in (0, 2, 4, 6):
            steps.allow(f"row {start}", f"row {start + 1}")

            async def has_them(count: int = start + 2) -> bool:
                return len(found) == count

            await eventually(has_them, "the rows are told")
        steps.allow(None)
        await asyncio.wait_for(following, 10)
    assert found == [f"row {number}" for number in range(8)]
    assert await handle.logs() == ["row 5", "row 6", "row 7"]


async def test_of_a_job_that_is_not_there_nothing_can_be_followed(client: JobClient, steps: Steps) -> None:
    nobody = steps.definition.handle("nobody", client=client)
    for source in (nobody.progress(), nobody.tail()):
        with pytest.raises(JobNotFoundError):
            await anext(source)  # pyright: ignore[reportUnknownArgumentType] - of two types
    assert await nobody.state() == "unknown"


async def test_who_stops_reading_leaves(
    client: JobClient, registry: JobRegistry, settings: Settings, steps: Steps, redis: Redis
) -> None:
    handle = await steps.definition.trigger(1, client=client)
    steps.allow(10)
    async with Crew(registry, settings):
        async for _ in handle.progress():
            break

        async def nobody_listens() -> bool:
            return await listeners(redis, settings) == 0

        await eventually(nobody_listens, "the connection is closed")
        steps.allow(None)
