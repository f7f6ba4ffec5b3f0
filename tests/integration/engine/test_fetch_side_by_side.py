"""A queue that holds jobs is fetched from more and more at a time, one that may be empty once."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import pytest
from redis.exceptions import ConnectionError

from midday_worker import JobClient, JobContext, JobDefinition, JobRegistry, Settings, job
from midday_worker.engine.wire.fetched import Fetched
from midday_worker.engine.worker.config import WorkerConfig
from midday_worker.engine.worker.job_scripts import Transitions
from tests.deadline import eventually
from tests.integration.crew import Crew

SLOTS = 32


class Barrier:
    """Jobs that go on when so many of them run."""

    def __init__(self, registry: JobRegistry) -> None:
        self.ran: list[int] = []
        self.wanted = SLOTS
        self.enough = asyncio.Event()

        async def handle(data: int, ctx: JobContext) -> None:
            self.ran.append(data)
            if len(self.ran) >= self.wanted:
                self.enough.set()
            await asyncio.wait_for(self.enough.wait(), 10)

        self.wait: JobDefinition[int, None] = job("wait", int, handle, registry=registry)

    async def add(self, client: JobClient, count: int) -> None:
        await self.wait.batch_trigger([{"payload": number} for number in range(count)], client=client)


@pytest.fixture
def barrier(registry: JobRegistry) -> Barrier:
    return Barrier(registry)


class Fetches:
    """Counts fetches, in how many rounds they came and how many at once.

    Args:
        lose: the numbers of those whose answer is lost.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, lose: Collection[int] = ()) -> None:
        self.count = self.rounds = self.empty = self.under_way = self.widest = 0
        real = Transitions.fetch

        async def fetch(moves: Transitions, token: str) -> Fetched:
            self.count += 1
            self.rounds += not self.under_way
            self.under_way += 1
            self.widest = max(self.widest, self.under_way)
            number = self.count
            try:
                fetched = await real(moves, token)
            finally:
                self.under_way -= 1
            self.empty += fetched.job_id is None
            if number in lose:
                raise ConnectionError("the connection broke in the middle of the reply")
            return fetched

        monkeypatch.setattr(Transitions, "fetch", fetch)


def crew_of(registry: JobRegistry, settings: Settings) -> Crew:
    return Crew(registry, settings, configs=(WorkerConfig(queue="default", concurrency=SLOTS),))


async def test_all_slots_are_busy_after_a_few_round_trips(
    client: JobClient, settings: Settings, registry: JobRegistry, barrier: Barrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1, 1, 2, 4, 8 and 16 at a time, and not 32 one after another."""
    fetches = Fetches(monkeypatch)
    await barrier.add(client, SLOTS)
    async with crew_of(registry, settings):
        await asyncio.wait_for(barrier.enough.wait(), 10)
        assert (fetches.count, fetches.rounds) == (SLOTS, 6)
    assert sorted(barrier.ran) == list(range(SLOTS))


async def test_a_job_that_comes_alone_is_followed_by_no_fetches_side_by_side(
    client: JobClient, settings: Settings, registry: JobRegistry, barrier: Barrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetches = Fetches(monkeypatch)
    barrier.wanted = 2

    async def is_idle() -> bool:
        return fetches.empty >= 1

    async def looked_again() -> bool:
        return fetches.empty >= 2

    async with crew_of(registry, settings):
        await eventually(is_idle, "the worker finds nothing")
        await barrier.add(client, 1)
        await eventually(looked_again, "the worker has looked for another job")
        barrier.enough.set()
    assert fetches.widest == 1


@pytest.mark.parametrize("lost", [(6,), (5, 6, 7, 8), (2, 3, 4)], ids=["one", "all of a round", "all of some rounds"])
async def test_jobs_whose_fetches_lost_their_answers_are_run_at_once(
    client: JobClient,
    settings: Settings,
    registry: JobRegistry,
    barrier: Barrier,
    monkeypatch: pytest.MonkeyPatch,
    lost: tuple[int, ...],
) -> None:
    """Each once, and before any lock has expired."""
    Fetches(monkeypatch, lost)
    await barrier.add(client, SLOTS)
    async with crew_of(registry, settings):
        await asyncio.wait_for(barrier.enough.wait(), 10)
    assert sorted(barrier.ran) == list(range(SLOTS))
    assert (await client.queue("default").getJobCounts("completed"))["completed"] == SLOTS
