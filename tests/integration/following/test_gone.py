"""Jobs that are gone, and jobs that run again: what whoever waits for them is told."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from midday_worker import (
    JobClient,
    JobContext,
    JobDefinition,
    JobFailedError,
    JobNotFoundError,
    JobRegistry,
    Settings,
    job,
)
from tests.deadline import eventually
from tests.integration.crew import Crew
from tests.integration.following.listeners import listeners


@pytest.fixture
def halve(registry: JobRegistry) -> JobDefinition[int, int]:
    """Halves even numbers; an odd one fails, the first time that it is run."""
    seen: set[int] = set()

    async def handle(data: int, ctx: JobContext) -> int:
        if data % 2 and data not in seen:
            seen.add(data)
            raise LookupError(f"{data} is odd")
        return data // 2

    return job("halve", int, handle, attempts=1, registry=registry)


async def test_a_job_that_was_trimmed_before_is_not_found_and_why(
    client: JobClient, settings: Settings, halve: JobDefinition[int, int], registry: JobRegistry
) -> None:
    async with Crew(registry, settings):
        done = await halve.trigger(2, client=client, remove_on_complete=True)
        failed = await halve.trigger(1, client=client, remove_on_fail=True)
        assert await (await halve.trigger(4, client=client)).result("10s") == 2
        with pytest.raises(JobNotFoundError, match="it completed, and was trimmed"):
            await done.result("10s")
        with pytest.raises(JobNotFoundError, match="it failed, and was trimmed"):
            await failed.result("10s")
        with pytest.raises(JobNotFoundError):
            await done.attempts_made()
        with pytest.raises(JobNotFoundError):
            await done.logs()


async def test_a_job_that_never_was_is_not_found(client: JobClient, halve: JobDefinition[int, int]) -> None:
    with pytest.raises(JobNotFoundError, match="never written, was removed, or ended") as caught:
        await halve.handle("nobody", client=client).result("10s")
    assert (caught.value.job_id, caught.value.queue) == ("nobody", "default")


async def test_a_job_that_is_removed_is_not_waited_for_any_more(
    client: JobClient, settings: Settings, redis: Redis, halve: JobDefinition[int, int]
) -> None:
    triggered = await halve.trigger(2, client=client, delay="1h")
    waiting = asyncio.create_task(triggered.result("30s"))
    await eventually(lambda: listeners(redis, settings), "somebody listens")
    await (await triggered.fetch()).remove()
    async with asyncio.timeout(4):  # less than the 5 s after which the state is looked at without an event
        with pytest.raises(JobNotFoundError, match="it was removed while it was delayed"):
            await waiting


async def test_a_failure_of_a_job_that_is_removed_as_it_fails_comes_from_the_event(
    client: JobClient, settings: Settings, redis: Redis, halve: JobDefinition[int, int], registry: JobRegistry
) -> None:
    triggered = await halve.trigger(1, client=client, remove_on_fail=True)
    waiting = asyncio.create_task(triggered.result("30s"))
    await eventually(lambda: listeners(redis, settings), "somebody listens")
    async with Crew(registry, settings):
        with pytest.raises(JobFailedError, match="failed: 1 is odd") as caught:
            await waiting
    assert (caught.value.attempts, caught.value.stacktrace) == (0, ())


async def test_the_failure_of_an_earlier_run_is_not_that_of_the_one_that_is_waited_for(
    client: JobClient, settings: Settings, halve: JobDefinition[int, int], registry: JobRegistry
) -> None:
    """Also when its event is read only after the job was told to run again: another waiter keeps the stream read."""
    never = asyncio.create_task((await halve.trigger(2, client=client, delay="1h")).result())
    async with Crew(registry, settings):
        for number in range(1, 21, 2):
            triggered = await halve.trigger(number, client=client)
            while await triggered.state() != "failed":
                pass
            await (await triggered.fetch()).retry("failed")
            assert await triggered.result("10s") == number // 2
    never.cancel()


async def test_a_failed_attempt_is_not_the_end(
    client: JobClient, settings: Settings, halve: JobDefinition[int, int], registry: JobRegistry
) -> None:
    async with Crew(registry, settings):
        triggered = await halve.trigger(7, client=client, attempts=2, backoff=20)
        assert await triggered.result("10s") == 3
        assert await triggered.attempts_made() == 2
