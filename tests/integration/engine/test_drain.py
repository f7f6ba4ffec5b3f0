"""Stopping a worker: nothing is lost, and nothing runs twice."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import suppress

import pytest
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from midday_worker import (
    JobClient,
    JobContext,
    JobDefinition,
    JobFailedError,
    JobRegistry,
    Settings,
    SyncJobContext,
    job,
)
from midday_worker.engine.job.job import Job
from midday_worker.engine.wire.fetched import Fetched
from midday_worker.engine.worker.config import WorkerConfig
from midday_worker.engine.worker.job_scripts import Transitions
from tests.deadline import eventually
from tests.integration.crew import Crew


class Holding:
    """A job whose attempts wait until they are released."""

    def __init__(self, registry: JobRegistry) -> None:
        self.release = asyncio.Event()
        self.started: list[int] = []
        self.finished: list[int] = []
        self.cancelled: list[int] = []
        self.definition: JobDefinition[int, int] = job("hold", int, self.handle, registry=registry)

    async def handle(self, data: int, ctx: JobContext) -> int:
        self.started.append(data)
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled.append(data)
            raise
        self.finished.append(data)
        return ctx.job.attemptsMade

    async def until_started(self, count: int) -> None:
        async def are_started() -> bool:
            return len(self.started) >= count

        await eventually(are_started, f"{count} jobs are started")


@pytest.fixture
def holding(registry: JobRegistry) -> Holding:
    return Holding(registry)


def worked_by(concurrency: int, lock_ms: int = 30_000) -> tuple[WorkerConfig, ...]:
    return (WorkerConfig(queue="default", concurrency=concurrency, lock_duration_ms=lock_ms),)


async def test_a_drain_starts_nothing_more_and_waits_for_what_runs(
    client: JobClient, registry: JobRegistry, settings: Settings, holding: Holding
) -> None:
    handles = [await holding.definition.trigger(n, client=client) for n in range(4)]
    async with Crew(registry, settings, configs=worked_by(2)) as crew:
        await holding.until_started(2)
        draining = asyncio.create_task(crew.worker.drain(10))
        ended, _ = await asyncio.wait({draining}, timeout=0.3)
        assert not ended
        holding.release.set()
        assert await draining is True
        assert [await handle.state() for handle in handles] == ["completed", "completed", "waiting", "waiting"]
    assert holding.started == [0, 1]


async def test_locks_are_renewed_while_a_drain_waits(
    client: JobClient, registry: JobRegistry, settings: Settings, redis: Redis, holding: Holding
) -> None:
    triggered = await holding.definition.trigger(0, client=client)
    key = f"{settings.redis_prefix}:default:{triggered.id}:lock"
    async with Crew(registry, settings, configs=worked_by(2, lock_ms=800)) as crew:
        await holding.until_started(1)
        draining = asyncio.create_task(crew.worker.drain(10))
        until = time.monotonic() + 2
        while time.monotonic() < until:
            assert await redis.exists(key), "the lock expired while its job runs"
            await asyncio.sleep(0.05)
        holding.release.set()
        assert await draining is True
    assert await triggered.state() == "completed"


async def test_at_the_deadline_jobs_are_cancelled_and_handed_back_in_order_without_using_an_attempt(
    client: JobClient, registry: JobRegistry, settings: Settings, redis: Redis, holding: Holding
) -> None:
    handles = [await holding.definition.trigger(n, client=client) for n in range(5)]
    async with Crew(registry, settings, configs=worked_by(3)) as crew:
        await holding.until_started(3)
        assert await crew.worker.drain(0.1) is False
    assert sorted(holding.cancelled) == [0, 1, 2]
    waiting = await redis.lrange(f"{settings.redis_prefix}:default:wait", 0, -1)
    assert waiting[::-1] == [handle.id for handle in handles]  # the next one is at the end
    assert await redis.llen(f"{settings.redis_prefix}:default:active") == 0
    holding.release.set()
    async with Crew(registry, settings):
        assert [await handle.result("10s") for handle in handles] == [0] * 5


async def test_forcing_a_drain_ends_its_wait(
    client: JobClient, registry: JobRegistry, settings: Settings, holding: Holding
) -> None:
    triggered = await holding.definition.trigger(0, client=client)
    async with Crew(registry, settings) as crew:
        await holding.until_started(1)
        draining = asyncio.create_task(crew.worker.drain(60))
        await asyncio.sleep(0)
        crew.worker.force()
        assert await asyncio.wait_for(draining, 5) is False
    assert await triggered.state() == "waiting"


async def test_starting_and_stopping_again_and_again_leaves_no_job_active(
    client: JobClient, registry: JobRegistry, settings: Settings, redis: Redis
) -> None:
    runs: list[int] = []

    async def count(data: int, ctx: JobContext) -> None:
        runs.append(data)

    counting = job("count", int, count, registry=registry)
    await counting.batch_trigger([{"payload": n} for n in range(200)], client=client)
    for turn in range(15):
        async with Crew(registry, settings, configs=worked_by(1 + turn % 4)):
            await asyncio.sleep(0.002 * turn)
        assert await redis.llen(f"{settings.redis_prefix}:default:active") == 0
    async with Crew(registry, settings):

        async def are_done() -> bool:
            return len(runs) >= 200

        await eventually(are_done, "all jobs have run")
    assert sorted(runs) == list(range(200))


async def test_a_worker_that_has_just_run_out_of_jobs_stops_at_once(
    client: JobClient, registry: JobRegistry, settings: Settings, holding: Holding
) -> None:
    holding.release.set()
    for turn in range(10):
        async with Crew(registry, settings) as crew:
            triggered = await holding.definition.trigger(turn, client=client)
            await triggered.result("10s")
            started = time.monotonic()
            assert await crew.worker.drain(10) is True
            assert time.monotonic() - started < 4  # not after the 5 s for which it would wait for a job


async def test_a_handler_that_cancels_itself_fails_its_job_alone(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    async def cancel_itself(data: int, ctx: JobContext) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel("by itself")
        await asyncio.sleep(0)

    suicidal = job("cancel-itself", int, cancel_itself, attempts=1, registry=registry)
    async with Crew(registry, settings):
        with pytest.raises(JobFailedError, match="by itself"):
            await (await suicidal.trigger(1, client=client)).result("5s")


async def test_a_drain_that_ends_before_a_job_is_settled_is_not_clean(
    client: JobClient,
    registry: JobRegistry,
    settings: Settings,
    holding: Holding,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quick = settings.model_copy(update={"cancel_grace": 50, "cut_grace": 50})
    storable = asyncio.Event()
    real = Transitions.complete

    async def wait(moves: Transitions, job: Job, result: str, *, fetch_next: bool) -> Fetched:
        await storable.wait()
        return await real(moves, job, result, fetch_next=fetch_next)

    monkeypatch.setattr(Transitions, "complete", wait)
    holding.release.set()
    await holding.definition.trigger(0, client=client)
    async with Crew(registry, quick) as crew:
        await holding.until_started(1)
        assert await crew.worker.drain(0.1) is False
        storable.set()


@pytest.mark.parametrize("kind", ["thread", "task"])
async def test_a_drain_while_a_handler_that_was_given_up_still_runs_is_not_clean(
    client: JobClient, registry: JobRegistry, settings: Settings, kind: str
) -> None:
    quick = settings.model_copy(update={"cancel_grace": 50, "cut_grace": 50})
    release = threading.Event()

    async def hold(data: int, ctx: JobContext) -> None:
        while not release.is_set():
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0.05)

    def hang(data: int, ctx: SyncJobContext) -> None:
        release.wait()

    handler = hang if kind == "thread" else hold
    stuck = job("stuck", int, handler, attempts=1, timeout=50, registry=registry)
    async with Crew(registry, quick) as crew:
        try:
            with pytest.raises(JobFailedError, match="took longer"):
                await (await stuck.trigger(1, client=client)).result("10s")
            assert await crew.worker.drain(1) is False
        finally:
            release.set()


async def test_a_drain_in_which_a_job_that_ended_could_not_be_stored_is_not_clean(
    client: JobClient,
    registry: JobRegistry,
    settings: Settings,
    holding: Holding,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def refuse(moves: Transitions, job: Job, result: str, *, fetch_next: bool) -> Fetched:
        raise ConnectionError("Redis is away")

    await holding.definition.trigger(0, client=client)
    config = WorkerConfig(queue="default", concurrency=1, lock_duration_ms=300, stalled_interval_ms=60_000)
    async with Crew(registry, settings, configs=(config,)) as crew:
        await holding.until_started(1)
        monkeypatch.setattr(Transitions, "complete", refuse)
        draining = asyncio.create_task(crew.worker.drain(10))
        holding.release.set()
        assert await draining is False


async def test_a_worker_closes_though_a_cancellation_of_its_listener_is_swallowed(
    registry: JobRegistry, settings: Settings, holding: Holding, monkeypatch: pytest.MonkeyPatch
) -> None:
    listening, swallowed = asyncio.Event(), asyncio.Event()

    async def swallow_one(subscription: PubSub, **_options: object) -> None:
        listening.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if swallowed.is_set():
                raise
            swallowed.set()

    monkeypatch.setattr(PubSub, "get_message", swallow_one)
    async with asyncio.timeout(20), Crew(registry, settings):
        await listening.wait()
    assert swallowed.is_set()
