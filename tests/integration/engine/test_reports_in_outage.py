"""Running jobs that report while Redis is away: they wait for it, and fail for no report."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator

import pytest
from redis.exceptions import RedisError

from midday_worker import (
    JobClient,
    JobContext,
    JobHandle,
    JobRegistry,
    RedisUnavailableError,
    Settings,
    SyncJobContext,
    job,
)
from midday_worker.engine.job.outage_retries import OutageRetries
from midday_worker.engine.redis.error_translation import Writing
from midday_worker.engine.worker.config import WorkerConfig
from midday_worker.testing import RedisServer
from tests.deadline import eventually
from tests.integration.crew import Crew
from tests.redis_proxy import LossyProxy

ROWS = 40


@pytest.fixture
def mortal_settings(mortal_redis: RedisServer) -> Settings:
    return Settings(env_file=None, redis_url=mortal_redis.url)


class Away:
    """An outage, as its jobs see it.

    Attributes:
        over: is set when Redis is back: until then the jobs go on.
        waiting: the ids of the jobs that wait for Redis, or have waited.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.over = threading.Event()
        self.waiting: set[str] = set()
        run = OutageRetries.run

        async def noted(
            retries: OutageRetries,
            is_told: Callable[[], bool],
            action: str,
            step: Callable[[], Awaitable[object]],
            writing: Writing | None = None,
        ) -> object:
            async def noted_step() -> object:
                try:
                    return await step()
                except (RedisError, OSError):
                    self.waiting.add(action.rpartition(" ")[2])
                    raise

            return await run(retries, is_told, action, noted_step, writing)

        monkeypatch.setattr(OutageRetries, "run", noted)

    async def is_noticed(self, by: int) -> None:
        """Wait until so many jobs have found out."""

        async def all_wait() -> bool:
            return len(self.waiting) >= by

        await eventually(all_wait, f"{by} jobs wait for Redis")


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> Away:
    return Away(monkeypatch)


class Reporters:
    """Handlers that report for as long as Redis is away, and a little longer; and a quiet one."""

    def __init__(self, away: Away) -> None:
        self._away = away

    async def rest(self, data: int, ctx: JobContext) -> None:
        await asyncio.to_thread(self._away.over.wait, 30)

    async def track(self, data: int, ctx: JobContext) -> None:
        async for _ in ctx.track(self._rows(), per_second=1_000):
            await asyncio.sleep(0)

    async def log(self, data: int, ctx: JobContext) -> None:
        for number in self._rows():
            await ctx.log(f"row {number}")

    async def ask(self, data: int, ctx: JobContext) -> None:
        for _ in self._rows():
            await ctx.children_values()
            await ctx.job.getDependencies()
            await ctx.job.getDependenciesCount()

    def track_plainly(self, data: int, ctx: SyncJobContext) -> None:
        for _ in ctx.track(self._rows(), per_second=1_000):
            ctx.children_values()

    def _rows(self) -> Iterator[int]:
        number = 0
        while number < ROWS or not self._away.over.is_set():
            yield number
            number += 1


async def test_jobs_that_report_outlive_an_outage_as_a_quiet_one_does(
    mortal_redis: RedisServer, mortal_settings: Settings, registry: JobRegistry, away: Away
) -> None:
    reporters = Reporters(away)
    handlers = (reporters.rest, reporters.track, reporters.log, reporters.ask)
    jobs = [
        *(
            job(handler.__name__, int, handler, attempts=1, keep_logs=100_000, registry=registry)
            for handler in handlers
        ),
        job("track-plainly", int, reporters.track_plainly, attempts=1, registry=registry),
    ]
    async with JobClient(mortal_settings) as client, Crew(registry, mortal_settings):
        handles = [await each.trigger(0, client=client) for each in jobs]
        await eventually(lambda: all_are_active(handles), "all run")
        await asyncio.to_thread(mortal_redis.kill)
        await away.is_noticed(by=4)
        await asyncio.to_thread(mortal_redis.restart)
        away.over.set()
        for handle in handles:
            await handle.result("30s")
        assert [(await handles[n].fetch()).progress for n in (1, 4)] == [100, 100]
        rows = await handles[2].logs()
        assert rows == [f"row {number}" for number in range(len(rows))]
        assert len(rows) >= ROWS


async def all_are_active(handles: list[JobHandle[None]]) -> bool:
    return all([await handle.state() == "active" for handle in handles])


REPORTS: list[Callable[[SyncJobContext], object]] = [
    lambda ctx: ctx.update_progress(2),
    lambda ctx: ctx.log("row"),
    lambda ctx: ctx.children_values(),
]


@pytest.mark.parametrize("report", REPORTS, ids=["progress", "log", "children"])
async def test_a_thread_that_waits_for_redis_is_let_go_when_its_worker_drains(
    mortal_redis: RedisServer,
    mortal_settings: Settings,
    registry: JobRegistry,
    report: Callable[[SyncJobContext], object],
    away: Away,
) -> None:
    begun, gone, errors = threading.Event(), threading.Event(), list[Exception]()

    def wait(data: int, ctx: SyncJobContext) -> None:
        begun.set()
        gone.wait(20)
        try:
            report(ctx)
        except Exception as error:
            errors.append(error)
            raise

    waiting = job("wait", int, wait, attempts=1, registry=registry)
    async with JobClient(mortal_settings) as client, Crew(registry, mortal_settings) as crew:
        await waiting.trigger(0, client=client)
        assert await asyncio.to_thread(begun.wait, 20)
        await asyncio.to_thread(mortal_redis.kill)
        gone.set()
        await away.is_noticed(by=1)
        assert errors == []
        assert await crew.worker.drain(0) is False
        (error,) = errors
        assert isinstance(error, RedisUnavailableError)
        assert " of job " in str(error)
        assert "Redis is not reachable" in str(error)
        await asyncio.to_thread(mortal_redis.restart)


async def test_a_job_that_waits_for_redis_still_has_its_timeout(
    mortal_redis: RedisServer, mortal_settings: Settings, registry: JobRegistry
) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def wait(data: int, ctx: JobContext) -> None:
        begun.set()
        await asyncio.to_thread(mortal_redis.kill)
        try:
            await ctx.update_progress(1)
        finally:
            ended.set()

    waiting = job("wait", int, wait, attempts=1, timeout="2s", registry=registry)
    async with JobClient(mortal_settings) as client, Crew(registry, mortal_settings):
        handle = await waiting.trigger(0, client=client)
        await asyncio.wait_for(ended.wait(), 20)  # with Redis still away
        await asyncio.to_thread(mortal_redis.restart)
        await eventually(lambda: has_failed(handle), "it has failed", 20)
        assert "took longer than its timeout" in str((await handle.fetch()).failedReason)


async def has_failed(handle: JobHandle[None]) -> bool:
    return await handle.state() == "failed"


async def test_a_row_whose_reply_was_lost_is_in_the_log_once(
    redis_server: RedisServer, client: JobClient, settings: Settings, registry: JobRegistry
) -> None:
    async def tell(data: int, ctx: JobContext) -> None:
        await asyncio.gather(ctx.log("before"), ctx.log("victim"), ctx.log("after"))
        await ctx.log("last")

    telling = job("tell", int, tell, attempts=1, registry=registry)
    async with LossyProxy(redis_server, b"victim") as proxy:
        through = settings.model_copy(update={"redis_url": Settings(env_file=None, redis_url=proxy.url).redis_url})
        async with Crew(registry, through, configs=(WorkerConfig(queue="default", concurrency=1),)):
            handle = await telling.trigger(0, client=client)
            await handle.result("20s")
        assert proxy.losses == 0
    assert sorted(await handle.logs()) == ["after", "before", "last", "victim"]


async def test_an_older_progress_is_not_stored_over_a_newer_one(
    redis_server: RedisServer, client: JobClient, settings: Settings, registry: JobRegistry, away: Away
) -> None:
    async def tell(data: int, ctx: JobContext) -> None:
        older = asyncio.create_task(ctx.update_progress({"victim": 1}))
        await away.is_noticed(by=1)  # it waits, and the newer one goes before it
        await ctx.update_progress(2)
        await older

    telling = job("tell", int, tell, attempts=1, registry=registry)
    async with LossyProxy(redis_server, b"victim") as proxy:
        through = settings.model_copy(update={"redis_url": Settings(env_file=None, redis_url=proxy.url).redis_url})
        async with Crew(registry, through):
            handle = await telling.trigger(0, client=client)
            await handle.result("20s")
    assert (await handle.fetch()).progress == 2
