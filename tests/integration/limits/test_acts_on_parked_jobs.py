"""What operators do to jobs that wait for a place, and to the limits themselves, while workers run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from pydantic import BaseModel
from redis.asyncio import Redis

from midday_worker import (
    InvalidInputError,
    JobClient,
    JobContext,
    JobDefinition,
    JobHandle,
    JobRegistry,
    OptionError,
    PerKey,
    QueueRegistry,
    RateLimit,
    Settings,
    job,
    queue,
)
from midday_worker.admin import (
    KeyBacklog,
    KeyLimit,
    change_delay,
    change_priority,
    count_jobs,
    empty_queue,
    get_job,
    key_backlogs,
    key_limits,
    obliterate_queue,
    parked_jobs,
    pause_queue,
    promote_job,
    promote_jobs,
    remove_job,
    reset_limit,
    resume_queue,
    set_limit,
)
from midday_worker.admin.limit_checks import check_limits
from midday_worker.admin.runs import Cursor, RunChoice, list_runs
from midday_worker.admin.runs.run import as_stored
from midday_worker.engine.producer.queue import Queue
from tests.deadline import eventually
from tests.integration.crew import Crew
from tests.integration.limits.stored_keys import keys_like


class Report(BaseModel):
    team: str
    number: int


class Bench:
    """A queue with one place for each team, whose jobs run until they are let go."""

    def __init__(self, registry: JobRegistry, client: JobClient) -> None:
        self.running: set[int] = set()
        self.ran: list[int] = []
        self.go = asyncio.Event()
        self.client = client
        place = queue("reports", limits=[PerKey("team", concurrency=1)], registry=registry.queues)
        self.report: JobDefinition[Report, None] = job("report", Report, self._run, queue=place, registry=registry)

    @property
    def queue(self) -> Queue:
        return self.client.queue("reports")

    async def _run(self, data: Report, ctx: JobContext) -> None:
        self.running.add(data.number)
        try:
            await self.go.wait()
        finally:
            self.running.discard(data.number)
        self.ran.append(data.number)

    async def add(self, *numbers: int, priority: int = 0) -> list[JobHandle[None]]:
        return [
            await self.report.trigger(Report(team="a", number=number), client=self.client, priority=priority)
            for number in numbers
        ]

    async def until_parked(self, count: int) -> None:
        async def are_parked() -> bool:
            return await parked_jobs(self.queue) == count and bool(self.running)

        await eventually(are_parked, f"{count} jobs wait for a place")

    async def until_ran(self, *numbers: int) -> None:
        self.go.set()

        async def have_run() -> bool:
            return len(self.ran) >= len(numbers)

        await eventually(have_run, f"{len(numbers)} runs")
        assert self.ran == list(numbers)


@pytest.fixture
def registry() -> JobRegistry:
    return JobRegistry(QueueRegistry())


@pytest.fixture
def bench(registry: JobRegistry, client: JobClient) -> Bench:
    return Bench(registry, client)


@asynccontextmanager
async def worked(bench: Bench, registry: JobRegistry, settings: Settings) -> AsyncGenerator[None]:
    async with Crew(registry, settings):
        try:
            yield
        finally:
            bench.go.set()


async def test_acts_on_single_parked_jobs(bench: Bench, registry: JobRegistry, settings: Settings) -> None:
    async with worked(bench, registry, settings):
        handles = await bench.add(1, 2, 3, 4, 5)
        await bench.until_parked(4)
        assert (await get_job(bench.queue, handles[1].id)).waits_for == "team=a"
        await remove_job(bench.queue, handles[1].id)
        await promote_job(bench.queue, handles[3].id)  # it waits again, in its turn
        await handles[2].cancel()
        await bench.until_parked(2)
        await change_delay(bench.queue, handles[4].id, 0)
        await bench.until_parked(2)
        await promote_jobs(bench.queue)
        await bench.until_parked(2)
        assert bench.running == {1}
        await bench.until_ran(1, 4, 5)
    assert (await count_jobs(bench.queue))["delayed"] == 0


async def test_what_waits_for_a_place_is_shown_and_in_vain_is_found(
    bench: Bench, registry: JobRegistry, settings: Settings, client: JobClient
) -> None:
    async with worked(bench, registry, settings):
        await bench.add(1, 2)
        await bench.until_parked(1)
        choice = RunChoice(queues=("reports",), states=("delayed",))
        (run,) = (await list_runs(lambda _: bench.queue, choice, 10, Cursor(), as_stored)).runs
        assert (run.waits_for, run.due_ms) == ("team=a", None)
        assert await check_limits(bench.queue, []) == []
        await bench.queue.ask("ZADD", bench.queue.toKey("limits:buckets"), 1, "c:team=a")
        (finding,) = await check_limits(bench.queue, [])
        assert finding.text.startswith("1 job waits for a place")


async def test_parked_jobs_come_by_priority_then_in_order(
    bench: Bench, registry: JobRegistry, settings: Settings
) -> None:
    async with worked(bench, registry, settings):
        await bench.add(1)
        await bench.until_parked(0)
        await bench.add(5, 6, priority=2)
        await bench.add(3, 4, priority=1)
        await bench.add(2)
        await bench.until_parked(5)
        await bench.until_ran(1, 2, 3, 4, 5, 6)


async def test_a_new_priority_of_a_parked_job_counts_at_once(
    bench: Bench, registry: JobRegistry, settings: Settings
) -> None:
    async with worked(bench, registry, settings):
        handles = await bench.add(1, 2, 3, 4)
        await bench.until_parked(3)
        await change_priority(bench.queue, handles[1].id, 5)
        await change_priority(bench.queue, handles[2].id, 4)
        await bench.until_ran(1, 4, 3, 2)


async def test_a_pause_holds_parked_jobs_too(bench: Bench, registry: JobRegistry, settings: Settings) -> None:
    async with worked(bench, registry, settings):
        await bench.add(1, 2, 3)
        await bench.until_parked(2)
        await pause_queue(bench.queue)
        await bench.until_ran(1)
        await resume_queue(bench.queue)
        await bench.until_ran(1, 2, 3)


async def test_a_drain_removes_parked_jobs_and_delayed_ones_stay(
    bench: Bench, registry: JobRegistry, settings: Settings
) -> None:
    async with worked(bench, registry, settings):
        await bench.add(1, 2, 3)
        await bench.report.trigger_delayed(Report(team="a", number=9), "1h", client=bench.client)
        await bench.until_parked(2)
        assert await empty_queue(bench.queue) == 2
        assert await parked_jobs(bench.queue) == 0
        assert await key_backlogs(bench.queue) == []
        await bench.add(4)
        await bench.until_parked(1)
        await bench.until_ran(1, 4)
        assert (await count_jobs(bench.queue))["delayed"] == 1


async def test_a_limit_is_set_for_one_key_while_all_runs(
    bench: Bench, registry: JobRegistry, settings: Settings
) -> None:
    async with worked(bench, registry, settings):
        await bench.add(1, 2, 3, 4)
        await bench.until_parked(3)
        assert await key_backlogs(bench.queue) == [
            KeyBacklog(path="team", key="a", kind="concurrency", waiting=3, running=1)
        ]
        await set_limit(bench.queue, "team", "a", concurrency=3)
        await bench.until_parked(1)
        await eventually(lambda: _is(bench.running == {1, 2, 3}), "three run")
        assert await key_limits(bench.queue) == [
            KeyLimit(path="team", concurrency=1),
            KeyLimit(path="team", key="a", concurrency=3),
        ]
        await reset_limit(bench.queue, "team", "a")
        await bench.add(5)
        await bench.until_parked(2)
        bench.go.set()
        await eventually(lambda: _is(sorted(bench.ran) == [1, 2, 3, 4, 5]), "all have run")


async def test_what_can_be_no_limit_of_a_key_is_refused(
    bench: Bench, registry: JobRegistry, settings: Settings
) -> None:
    async with worked(bench, registry, settings):
        await bench.add(1)
        await bench.until_parked(0)
        with pytest.raises(InvalidInputError, match=r"no limit of the concurrency for 'tenant'.*team \(concurrency\)"):
            await set_limit(bench.queue, "tenant", "a", concurrency=1)
        with pytest.raises(InvalidInputError, match="no limit of the rate for 'team'"):
            await set_limit(bench.queue, "team", "a", rate=RateLimit(1, "1s"))
        with pytest.raises(InvalidInputError, match="either concurrency or rate"):
            await set_limit(bench.queue, "team", "a")
        with pytest.raises(OptionError, match="accepted: an integer of 1 or more"):
            await set_limit(bench.queue, "team", "a", concurrency=0)
        with pytest.raises(InvalidInputError, match="A key is None"):
            await set_limit(bench.queue, "team", None, concurrency=1)


async def test_an_obliterated_queue_leaves_nothing(
    bench: Bench, registry: JobRegistry, settings: Settings, redis: Redis, redis_prefix: str
) -> None:
    async with worked(bench, registry, settings):
        await bench.add(1, 2, 3)
        await bench.until_parked(2)
        await set_limit(bench.queue, "team", "b", concurrency=2)
        await pause_queue(bench.queue)
        await bench.until_ran(1)
    await obliterate_queue(bench.queue)
    assert await keys_like(redis, f"{redis_prefix}:reports:*") == []


async def _is(value: bool) -> bool:
    return value
