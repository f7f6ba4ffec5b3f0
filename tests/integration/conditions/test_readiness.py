"""Whether a process can work now, and why not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from midday_worker import JobContext, JobRegistry, Settings, job
from midday_worker.cli.commands.health import summarize_heartbeats
from midday_worker.client.client import redis_config
from midday_worker.databases import create_database
from midday_worker.engine.inspection.health import STALE_S, Heartbeat, heartbeats
from midday_worker.engine.redis.connection import Connection, RedisConfig, connect
from midday_worker.engine.redis.outage import Outage
from midday_worker.errors import MiddayWorkerError
from midday_worker.testing import RedisServer
from midday_worker.workers import service
from midday_worker.workers.plan import make_plan
from midday_worker.workers.readiness import ANSWER_S, PROBE_S, Readiness
from tests.deadline import eventually
from tests.integration.crew import Crew


@pytest.fixture
def registry() -> JobRegistry:
    async def handle(data: int, ctx: JobContext) -> None:
        return None

    registry = JobRegistry()
    job("rest", int, handle, registry=registry)
    job("sleep", int, handle, queue="nights", registry=registry)
    return registry


@asynccontextmanager
async def watched(crew: Crew, database_url: str | None = None) -> AsyncGenerator[Readiness]:
    database = None if database_url is None else create_database(database_url)
    readiness = Readiness(crew.workers, crew.connection, Outage("redis://here"), database)
    async with crew:
        await asyncio.sleep(0)
        await readiness.start()
        yield readiness
        await readiness.stop()
    if database is not None:
        await database.dispose()


@pytest.mark.parametrize("end", ["kill", "pause"])
async def test_it_turns_false_when_redis_goes_and_true_when_it_comes_back(
    registry: JobRegistry, mortal_redis: RedisServer, end: str
) -> None:
    crew = Crew(registry, Settings(env_file=None, redis_url=mortal_redis.url))
    async with watched(crew) as readiness:
        assert readiness.report().ready, readiness.report().reasons
        await asyncio.to_thread(getattr(mortal_redis, end))

        async def is_noticed() -> bool:
            return not readiness.report().redis

        await eventually(is_noticed, "readiness turns false", 5)
        assert readiness.report().reasons[0] == "Redis does not answer"
        await asyncio.to_thread(mortal_redis.restart if end == "kill" else mortal_redis.resume)

        async def is_well() -> bool:
            return readiness.report().ready

        await eventually(is_well, "readiness turns true again", 20)


@pytest.mark.parametrize("end", ["kill", "pause"])
async def test_the_latency_grows_while_redis_owes_an_answer(
    registry: JobRegistry, mortal_redis: RedisServer, end: str
) -> None:
    """An alert on the last good answer would see nothing of an outage."""
    crew = Crew(registry, Settings(env_file=None, redis_url=mortal_redis.url))
    async with watched(crew) as readiness:
        assert readiness.redis_latency_s is not None
        await asyncio.to_thread(getattr(mortal_redis, end))

        async def is_long() -> bool:
            return (readiness.redis_latency_s or 0) > ANSWER_S + PROBE_S  # more than any single PING is waited for

        await eventually(is_long, "the latency grows", 20)
        assert not readiness.report().redis
        await asyncio.to_thread(mortal_redis.restart if end == "kill" else mortal_redis.resume)

        async def is_short() -> bool:
            return (readiness.redis_latency_s or 0) < ANSWER_S

        await eventually(is_short, "the latency is that of an answer again", 20)


async def test_it_says_which_run_loop_has_ended(registry: JobRegistry, settings: Settings) -> None:
    crew = Crew(registry, settings)
    async with watched(crew) as readiness:
        await crew.workers[1].drain(1)

        async def has_ended() -> bool:
            return not crew.workers[1].running

        await eventually(has_ended, "the run loop ends")
        report = readiness.report()
        assert report.reasons == (f"the run loop of queue {crew.workers[1].name} has ended",)
        assert [each.fetching for each in report.queues] == [True, False]


async def test_a_database_that_is_away_makes_it_false(
    registry: JobRegistry, settings: Settings, tmp_path: Path
) -> None:
    async with watched(Crew(registry, settings), f"sqlite:///{tmp_path / 'there.db'}") as readiness:
        assert readiness.report().database is True
    async with watched(Crew(registry, settings), f"sqlite:///{tmp_path / 'no' / 'folder' / 'a.db'}") as readiness:
        assert readiness.report().reasons == ("the database does not answer",)


async def test_it_is_false_while_draining(registry: JobRegistry, settings: Settings) -> None:
    async with watched(Crew(registry, settings)) as readiness:
        readiness.drain()
        assert readiness.report().reasons == ("it is draining",)
        assert readiness.report().redis


async def test_the_heartbeat_says_that_the_worker_is_not_ready(
    registry: JobRegistry, mortal_redis: RedisServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(service, "HEARTBEAT_S", 0.05)
    database = f"sqlite:///{tmp_path / 'no' / 'folder' / 'a.db'}"
    settings = Settings(env_file=None, redis_url=mortal_redis.url, database_primary_url=database)
    worker = service.WorkerService(registry, make_plan(registry), settings)
    async with connect(RedisConfig(mortal_redis.url)) as redis:
        running = asyncio.create_task(worker.run())

        async def beats() -> list[Heartbeat]:
            return await heartbeats(Connection(redis), redis_config(settings).prefix)

        await eventually(beats, "a heartbeat")
        with pytest.raises(MiddayWorkerError, match=r"pid \d+ is not ready: the database does not answer"):
            summarize_heartbeats(await beats())
        worker.stop()
        assert await running


def beat(pid: int, age_s: float, *not_ready: str) -> Heartbeat:
    now = time.time()
    return Heartbeat(
        host="h", pid=pid, queues=["a"], started_at=now - 60, beat_at=now - age_s, not_ready=list(not_ready)
    )


def test_a_stale_heartbeat_fails_and_says_why() -> None:
    with pytest.raises(MiddayWorkerError, match=r"pid 1 is not ready: its last heartbeat was 2[5-9] s ago"):
        summarize_heartbeats([beat(1, STALE_S + 5)])


def test_a_stale_heartbeat_beside_that_of_the_successor_is_no_trouble() -> None:
    assert summarize_heartbeats([beat(1, STALE_S + 5), beat(2, 1)]).startswith("pid 2 on a")


def test_one_of_two_that_is_not_ready_fails() -> None:
    with pytest.raises(MiddayWorkerError, match="pid 2 is not ready: it is draining"):
        summarize_heartbeats([beat(1, 1), beat(2, 1, "it is draining")])
