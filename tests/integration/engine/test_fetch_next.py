"""Settling a job brings the next one: in one round trip, without losing, repeating or reordering any."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError

from midday_worker import JobClient, JobContext, JobDefinition, JobRegistry, Settings, job
from midday_worker.engine.job.job import Job
from midday_worker.engine.wire.fetched import Fetched
from midday_worker.engine.worker.config import WorkerConfig
from midday_worker.engine.worker.job_scripts import Transitions
from tests.deadline import eventually
from tests.integration.crew import Crew


class Ledger:
    """The jobs of one queue, and what was run of them."""

    def __init__(self, registry: JobRegistry) -> None:
        self.ran: list[int] = []

        async def handle(data: int, ctx: JobContext) -> None:
            self.ran.append(data)
            if data < 0 and ctx.job.attemptsMade == 0:
                raise ValueError("the first attempt of a negative number")

        self.note: JobDefinition[int, None] = job("note", int, handle, backoff="20ms", registry=registry)

    async def add(self, client: JobClient, *numbers: int) -> None:
        await self.note.batch_trigger([{"payload": number} for number in numbers], client=client)

    async def until(self, count: int) -> None:
        async def enough() -> bool:
            return len(self.ran) >= count

        await eventually(enough, f"{count} runs")


@pytest.fixture
def ledger(registry: JobRegistry) -> Ledger:
    return Ledger(registry)


@pytest.fixture
def one_at_a_time(settings: Settings) -> Settings:
    return settings.model_copy(update={"concurrency": 1})


async def scripts_run(redis: Redis) -> int:
    stats: Mapping[str, Mapping[str, int]] = await redis.info("commandstats")  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
    return sum(entry["calls"] for name, entry in stats.items() if name.startswith("cmdstat_eval"))


@pytest.mark.parametrize("sign", [1, -1], ids=["completed", "failed and retried"])
async def test_each_attempt_costs_one_script(
    client: JobClient, one_at_a_time: Settings, registry: JobRegistry, ledger: Ledger, redis: Redis, sign: int
) -> None:
    await ledger.add(client, *[sign * number for number in range(1, 51)])
    before = await scripts_run(redis)
    attempts = 50 if sign > 0 else 100
    async with Crew(registry, one_at_a_time):
        await ledger.until(attempts)
    # The first fetch, the last empty one, the check for stalled jobs; and those that found only delayed ones.
    assert await scripts_run(redis) - before < attempts * 1.5


async def test_a_job_whose_fetch_lost_its_answer_is_run_at_once(
    client: JobClient, settings: Settings, registry: JobRegistry, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not after its lock has expired, and not twice."""
    real, lost = Transitions.fetch, list[str]()

    async def lose_one(moves: Transitions, token: str) -> Fetched:
        fetched = await real(moves, token)
        if fetched.job_id is not None and not lost:
            lost.append(fetched.job_id)
            raise ConnectionError("the connection broke in the middle of the reply")
        return fetched

    monkeypatch.setattr(Transitions, "fetch", lose_one)
    await ledger.add(client, 1, 2, 3)
    async with Crew(registry, settings):
        await ledger.until(3)
    assert len(lost) == 1
    assert sorted(ledger.ran) == [1, 2, 3]


async def test_a_job_that_came_with_a_lost_answer_is_run_at_once(
    client: JobClient, one_at_a_time: Settings, registry: JobRegistry, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, lost = Transitions.complete, list[str]()

    async def lose_one(moves: Transitions, job: Job, result: str, *, fetch_next: bool) -> Fetched:
        fetched = await real(moves, job, result, fetch_next=fetch_next)
        if not lost:
            lost.append(job.id)
            raise ConnectionError("the connection broke in the middle of the reply")
        return fetched

    monkeypatch.setattr(Transitions, "complete", lose_one)
    await ledger.add(client, 1, 2, 3)
    async with Crew(registry, one_at_a_time):
        await ledger.until(3)
    assert len(lost) == 1
    assert ledger.ran == [1, 2, 3]


async def test_a_job_that_came_as_the_worker_stopped_goes_back_to_the_front(
    client: JobClient, one_at_a_time: Settings, registry: JobRegistry, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ledger.add(client, 1, 2, 3)
    async with Crew(registry, one_at_a_time) as crew:
        real = Transitions.complete

        async def stop_meanwhile(moves: Transitions, job: Job, result: str, *, fetch_next: bool) -> Fetched:
            fetched = await real(moves, job, result, fetch_next=fetch_next)
            crew.worker.stop_fetching()
            return fetched

        monkeypatch.setattr(Transitions, "complete", stop_meanwhile)
        await ledger.until(1)
        assert await crew.worker.drain(5)
    monkeypatch.undo()
    assert await client.queue("default").getJobCounts("active", "waiting") == {"active": 0, "waiting": 2}
    async with Crew(registry, one_at_a_time):
        await ledger.until(3)
    assert ledger.ran == [1, 2, 3]


async def test_a_job_whose_fetch_lost_its_answer_as_the_worker_stopped_goes_back_at_once(
    client: JobClient, one_at_a_time: Settings, registry: JobRegistry, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not after its lock has expired."""
    real = Transitions.fetch
    async with Crew(registry, one_at_a_time) as crew:
        stopped = asyncio.Event()

        async def stop_meanwhile(moves: Transitions, token: str) -> Fetched:
            fetched = await real(moves, token)
            if fetched.job_id is None:
                return fetched
            crew.worker.stop_fetching()
            stopped.set()
            raise ConnectionError("the connection broke in the middle of the reply")

        monkeypatch.setattr(Transitions, "fetch", stop_meanwhile)
        await ledger.add(client, 1, 2)
        await asyncio.wait_for(stopped.wait(), 10)
        assert await crew.worker.drain(5)
    assert ledger.ran == []
    assert await client.queue("default").getJobCounts("active", "waiting") == {"active": 0, "waiting": 2}
    monkeypatch.undo()
    async with Crew(registry, one_at_a_time):
        await ledger.until(2)
    assert ledger.ran == [1, 2]


@pytest.mark.parametrize("taken", [True, False], ids=["lost", "kept"])
async def test_a_job_whose_answer_came_after_its_lock_had_expired_is_not_run_beside_another_worker_s_run(
    client: JobClient,
    settings: Settings,
    registry: JobRegistry,
    ledger: Ledger,
    redis: Redis,
    monkeypatch: pytest.MonkeyPatch,
    taken: bool,
) -> None:
    """As in a process that was stopped, and reads the answer as it goes on."""
    real, lock_ms, late = Transitions.fetch, 600, list[str]()

    async def come_late(moves: Transitions, token: str) -> Fetched:
        fetched = await real(moves, token)
        if fetched.job_id is not None and not late:
            late.append(fetched.job_id)
            lock = f"{client.queue('default').toKey(fetched.job_id)}:lock"
            if taken:
                await redis.set(lock, "another worker's")
            await asyncio.sleep(lock_ms / 1000 * 0.7)
            assert await redis.pttl(lock) != -2
        return fetched

    monkeypatch.setattr(Transitions, "fetch", come_late)
    await ledger.add(client, 1, 2)
    config = WorkerConfig(queue="default", concurrency=1, lock_duration_ms=lock_ms)
    async with Crew(registry, settings, configs=(config,)):
        await ledger.until(1 if taken else 2)
    assert ledger.ran == ([2] if taken else [1, 2])


@pytest.mark.parametrize("delay", [0, "1h"], ids=["for now", "for later"])
async def test_the_marker_that_a_worker_took_as_it_stopped_is_given_back(
    client: JobClient,
    settings: Settings,
    registry: JobRegistry,
    ledger: Ledger,
    redis: Redis,
    monkeypatch: pytest.MonkeyPatch,
    delay: str | int,
) -> None:
    """Another worker waits for it, and would look again after 5 s only."""
    marker_key = client.queue("default").keys["marker"]
    async with Crew(registry, settings) as crew:
        real, waits, taken = crew.worker.backend.waitForJob, asyncio.Event(), asyncio.Event()

        async def stop_meanwhile(timeout_s: float) -> object:
            marker = await real(timeout_s)
            if marker is not None and waits.is_set():
                # When this has returned, and before anybody has heard of it.
                asyncio.get_running_loop().call_soon(crew.worker.stop_fetching)
                taken.set()
            return marker

        async def is_taken() -> bool:
            return await redis.zcard(marker_key) == 0

        monkeypatch.setattr(crew.worker.backend, "waitForJob", stop_meanwhile)
        await ledger.add(client, 1)
        await ledger.until(1)
        await eventually(is_taken, "nothing is left of the first job's marker")
        waits.set()
        await ledger.note.trigger(2, client=client, delay=delay)
        await asyncio.wait_for(taken.wait(), 10)
        await crew.worker.drain(5)
    assert await redis.zcard(marker_key) == 1
    assert ledger.ran == [1]


async def test_a_pause_holds_back_the_job_that_would_follow(
    client: JobClient, one_at_a_time: Settings, registry: JobRegistry, ledger: Ledger
) -> None:
    queue = client.queue("default")

    async def handle(data: None, ctx: JobContext) -> None:
        await queue.pause()

    pausing = job("pause", type(None), handle, registry=registry)
    paused = await pausing.trigger(None, client=client)
    await ledger.add(client, 1)
    async with Crew(registry, one_at_a_time):
        await paused.result("10s")
        assert (await queue.getJobCounts("waiting", "paused", "active"))["active"] == 0
        assert ledger.ran == []
        await queue.resume()
        await ledger.until(1)


async def test_the_most_urgent_job_is_the_one_that_follows(
    client: JobClient, one_at_a_time: Settings, registry: JobRegistry, ledger: Ledger
) -> None:
    for number, priority in ((1, 3), (2, 1), (3, 0), (4, 2)):
        await ledger.note.trigger(number, priority=priority, client=client)
    async with Crew(registry, one_at_a_time):
        await ledger.until(4)
    assert ledger.ran == [3, 2, 4, 1]


async def test_an_attempt_that_began_before_the_one_before_it_was_settled_keeps_its_lock(
    client: JobClient, settings: Settings, registry: JobRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, lost = Transitions.retry, list[str]()
    second, release = asyncio.Event(), asyncio.Event()

    async def lose_one(moves: Transitions, job: Job, fields: Mapping[str, str]) -> None:
        await real(moves, job, fields)
        if not lost:
            lost.append(job.id)
            await second.wait()
            raise ConnectionError("the connection broke in the middle of the reply")

    async def handle(data: int, ctx: JobContext) -> None:
        if not lost:
            raise ValueError("the first attempt")
        second.set()
        await release.wait()

    monkeypatch.setattr(Transitions, "retry", lose_one)
    again = job("again", int, handle, attempts=2, backoff=0, registry=registry)
    triggered = await again.trigger(1, client=client)
    async with Crew(registry, settings) as crew:
        await second.wait()

        async def is_settled() -> bool:
            return crew.worker.running_count == 1

        await eventually(is_settled, "the first attempt is settled")
        assert crew.worker.locks.get_tracked_job_ids() == [triggered.id]
        release.set()
        await triggered.result("10s")
