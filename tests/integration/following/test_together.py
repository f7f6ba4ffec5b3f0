"""`results` and `as_completed`: waiting for many jobs."""

from __future__ import annotations

import asyncio

import pytest

from midday_worker import (
    JobClient,
    JobContext,
    JobDefinition,
    JobFailedError,
    JobHandle,
    JobNotFoundError,
    JobRegistry,
    JobResultTimeoutError,
    Settings,
    as_completed,
    job,
    results,
)
from tests.integration.crew import Crew


class Gates:
    """Lets each job go on when the test says so."""

    def __init__(self) -> None:
        self._open: dict[int, asyncio.Event] = {}

    def __getitem__(self, number: int) -> asyncio.Event:
        return self._open.setdefault(number, asyncio.Event())


@pytest.fixture
def gates() -> Gates:
    return Gates()


@pytest.fixture
def square(registry: JobRegistry, gates: Gates) -> JobDefinition[int, int]:
    async def handle(data: int, ctx: JobContext) -> int:
        await gates[data].wait()
        if data < 0:
            raise LookupError("negative")
        return data * data

    return job("square", int, handle, attempts=1, queue="squares", registry=registry)


async def test_results_are_in_the_order_of_the_handles(
    client: JobClient, registry: JobRegistry, settings: Settings, square: JobDefinition[int, int], gates: Gates
) -> None:
    handles = [await square.trigger(number, client=client) for number in (3, 1, 2)]
    async with Crew(registry, settings):
        waiting = asyncio.create_task(results([*handles, handles[0]], timeout="20s"))
        for number in (1, 2, 3):
            gates[number].set()
        assert await waiting == [9, 1, 4, 9]


async def test_jobs_come_as_they_end_with_their_results(
    client: JobClient, registry: JobRegistry, settings: Settings, square: JobDefinition[int, int], gates: Gates
) -> None:
    kept = [await square.trigger(number, client=client) for number in (1, -2)]
    trimmed = await square.trigger(3, client=client, remove_on_complete=True)
    order = [3, -2, 1]
    gates[order.pop(0)].set()
    found: list[object] = []
    handles = [*kept, trimmed]
    async with Crew(registry, settings):
        async for handle in as_completed(handles, timeout="20s"):
            assert handle in handles
            try:
                found.append(await handle.result())
            except (JobFailedError, JobNotFoundError) as error:
                found.append(type(error))
            if order:
                gates[order.pop(0)].set()
    assert found[1:] == [JobFailedError, 1]
    assert found[0] in (9, JobNotFoundError)  # it may have ended before anybody asked


async def test_the_first_failure_ends_the_wait(
    client: JobClient, registry: JobRegistry, settings: Settings, square: JobDefinition[int, int], gates: Gates
) -> None:
    handles = [await square.trigger(number, client=client) for number in (1, -2)]
    gates[-2].set()
    async with Crew(registry, settings):
        with pytest.raises(JobFailedError, match="negative"):
            await results(handles, timeout="20s")
        gates[1].set()


async def test_jobs_that_are_late_name_the_first_of_them(
    client: JobClient, registry: JobRegistry, settings: Settings, square: JobDefinition[int, int], gates: Gates
) -> None:
    handles = [await square.trigger(number, client=client) for number in (1, 2)]
    gates[1].set()
    async with Crew(registry, settings):
        await handles[0].result("20s")
        with pytest.raises(JobResultTimeoutError, match="had not ended after 100 ms") as caught:
            await results(handles, timeout="100ms")
        gates[2].set()
    assert caught.value.job_id == handles[1].id


async def test_of_no_jobs_there_is_nothing_to_wait_for() -> None:
    assert await results([]) == []
    nothing: list[JobHandle[int]] = []
    assert [handle async for handle in as_completed(nothing)] == []
