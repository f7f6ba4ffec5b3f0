"""`running_worker` and `run_until_idle`: a real worker in the test's event loop."""

from __future__ import annotations

import asyncio
import signal

import pytest
from redis.asyncio import Redis

from midday_worker import JobClient, JobContext, JobRegistry, Settings, SyncJobContext, job
from midday_worker.engine.worker.worker import Worker
from midday_worker.errors import ConfigurationError, RedisUnavailableError
from midday_worker.testing import RedisServer, WorkerEndedError, run_until_idle, running_worker


@pytest.fixture
def settings(redis_server: RedisServer) -> Settings:
    return Settings(env_file=None, redis_url=redis_server.url)


async def stored_keys(redis: Redis, prefix: str) -> list[object]:
    return list(await redis.keys(f"{prefix}:*"))  # pyright: ignore[reportUnknownMemberType] - untyped in redis-py


async def test_it_runs_what_is_triggered_and_leaves_nothing(
    registry: JobRegistry, settings: Settings, redis: Redis
) -> None:
    @job("half", registry=registry, attempts=1)
    async def half(data: int, ctx: JobContext) -> int:
        if data % 2:
            raise ValueError("odd")
        if data > 1:
            await half.trigger(data // 2)
        return data // 2

    at_first = signal.getsignal(signal.SIGINT)
    async with running_worker(registry, settings=settings) as worker:
        prefix = worker.client.settings.redis_prefix
        handle = await half.trigger(12)
        await half.trigger(1, delay="1d")
        await worker.run_until_idle()
        assert await handle.result(timeout="30s") == 6
        assert [run.data for run in worker.runs] == [12, 6, 3]
        assert [str(run.error) for run in worker.failed] == ["odd"]
        worker.assert_ran(half, times=2)
        assert signal.getsignal(signal.SIGINT) is at_first
        assert await stored_keys(redis, prefix)
    assert await stored_keys(redis, prefix) == []


async def test_what_is_there_is_run(registry: JobRegistry, redis_server: RedisServer, redis_prefix: str) -> None:
    @job("plain", registry=registry)
    def plain(data: int, ctx: SyncJobContext) -> int:
        return data

    settings = Settings(env_file=None, redis_url=redis_server.url, redis_prefix=redis_prefix)
    async with JobClient(settings) as client:
        for number in range(3):
            await plain.trigger(number)
        runs = await run_until_idle(registry)
        assert sorted(str(run.data) for run in runs) == ["0", "1", "2"]
        assert await client.queue("default").getCompletedCount() == 3


async def test_what_breaks_it_is_raised(
    registry: JobRegistry, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    @job("plain", registry=registry)
    async def plain(data: int, ctx: JobContext) -> int:
        return data

    async def broken(_: Worker) -> None:
        raise OSError("broken")

    monkeypatch.setattr(Worker, "run", broken)
    monkeypatch.setattr("midday_worker.workers.service.RESTARTS", 0)
    with pytest.raises(WorkerEndedError, match="a run loop broke"):
        async with running_worker(registry, settings=settings):
            await asyncio.Event().wait()
    with pytest.raises(ZeroDivisionError):
        async with running_worker(registry, settings=settings):
            raise ZeroDivisionError


async def test_a_database_that_is_away_matters_only_to_who_uses_it(
    registry: JobRegistry, redis_server: RedisServer
) -> None:
    @job("plain", registry=registry)
    async def plain(data: int, ctx: JobContext) -> None: ...

    settings = Settings.model_validate(
        {"redis_url": redis_server.url, "database_primary_url": "postgresql://nobody@127.0.0.1:1/nothing"}
    )
    async with running_worker(registry, settings=settings) as worker:
        await plain.trigger(1)
        await worker.run_until_idle()
        worker.assert_ran(plain)


async def test_a_tests_own_error_is_raised_though_redis_is_gone(registry: JobRegistry) -> None:
    @job("plain", registry=registry)
    async def plain(data: int, ctx: JobContext) -> None: ...

    with RedisServer() as server, pytest.raises(ZeroDivisionError):
        async with running_worker(registry, settings=Settings(env_file=None, redis_url=server.url)) as worker:
            await plain.trigger(1)
            await worker.run_until_idle()
            server.stop()
            raise ZeroDivisionError
    with pytest.raises(RedisUnavailableError):
        async with running_worker(
            registry, settings=Settings(env_file=None, redis_url="redis://127.0.0.1:1")
        ) as worker:
            await worker.run_until_idle()


async def test_a_job_that_hangs_is_named(
    registry: JobRegistry, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    @job("plain", registry=registry)
    async def plain(data: int, ctx: JobContext) -> None:
        if data:
            await released.wait()

    released = asyncio.Event()
    monkeypatch.setattr("midday_worker.testing.worker._STUCK_S", 1)
    async with running_worker(registry, settings=settings) as worker:
        await plain.trigger(0)
        hangs = await plain.trigger(1)
        with pytest.raises(TimeoutError, match=rf"attempt 1\) completed\n.* plain \(.*{hangs.id}.*\) has not ended"):
            await worker.run_until_idle()
        released.set()


async def test_a_registry_without_jobs_is_refused(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="No jobs are registered"):
        async with running_worker(JobRegistry(), settings=settings):
            pass
