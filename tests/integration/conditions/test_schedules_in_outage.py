"""Schedules whose next run could not be made as a run of theirs started: they go on, and none runs twice."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from itertools import cycle, islice
from random import Random

import pytest
from redis.asyncio import Redis

from midday_worker import JobClient, JobContext, JobDefinition, JobRegistry, Settings, job
from midday_worker.engine.redis.connection import RedisConfig, connect
from midday_worker.engine.worker.config import WorkerConfig
from midday_worker.testing import RedisServer
from tests.deadline import eventually
from tests.integration.conditions.ailment import send
from tests.integration.crew import Crew

BACK_S = 30.0
AWAY_S = 0.3

EVERYTHING = ("resetkeys", "~*")
ALL_BUT_NEXT_RUNS = ("resetkeys", "~*:default:[^r]*", "~*:default:repeat:*")
"""Keys that a worker's user may use: without `repeat`, which only the making of a schedule's next run has to name."""


class Ticks:
    """Schedules and a plain job on one queue, and what of them has run."""

    def __init__(self, registry: JobRegistry) -> None:
        self.runs: list[str] = []
        self.last: dict[int, float] = {}
        self.plain: list[int] = []
        self.tick: JobDefinition[int, None] = job("tick", int, self._tick, registry=registry)
        self.other: JobDefinition[int, None] = job("other", int, self._other, registry=registry)

    async def _tick(self, data: int, ctx: JobContext) -> None:
        self.runs.append(ctx.job.id)
        self.last[data] = time.monotonic()

    async def _other(self, data: int, ctx: JobContext) -> None:
        self.plain.append(data)

    async def schedule(self, count: int, client: JobClient) -> None:
        """Make schedules of one second, half of them by a pattern."""
        for number in range(count):
            if number % 2:
                await self.tick.trigger_recurring(number, every="1s", schedule_id=f"s{number}", client=client)
            else:
                await self.tick.trigger_recurring(number, "* * * * * *", schedule_id=f"s{number}", client=client)

    async def fire(self, count: int, since: float, within_s: float = BACK_S) -> None:
        """Wait until so many schedules have had a run that was made since then: the second one that is seen."""
        for _ in range(2):
            await self._fire(count, since, within_s)
            since = time.monotonic()

    async def _fire(self, count: int, since: float, within_s: float) -> None:
        async def all_fire() -> bool:
            return sum(at > since for at in self.last.values()) == count

        await eventually(all_fire, f"{count} schedules fire", within_s)

    @property
    def twice(self) -> list[str]:
        """The runs that ran more than once."""
        return [run for run, times in Counter(self.runs).items() if times > 1]


@pytest.fixture
def ticks(registry: JobRegistry) -> Ticks:
    return Ticks(registry)


@pytest.fixture
def mortal_settings(mortal_redis: RedisServer) -> Settings:
    return Settings(env_file=None, redis_url=mortal_redis.url)


@pytest.fixture
async def mortal_client(mortal_settings: Settings) -> AsyncIterator[JobClient]:
    async with JobClient(mortal_settings) as client:
        yield client


@pytest.fixture
async def admin(mortal_redis: RedisServer) -> AsyncIterator[Redis]:
    async with connect(RedisConfig(mortal_redis.url)) as redis:
        yield redis


@pytest.fixture
def restricted(mortal_settings: Settings) -> Iterator[Settings]:
    """Settings of a worker whose user's rights can be changed."""
    url = mortal_settings.redis_url.get_secret_value().replace("redis://", "redis://worker:secret@")
    yield Settings(env_file=None, redis_url=url)


async def _allow(admin: Redis, keys: tuple[str, ...]) -> None:
    await send(admin, "ACL", "SETUSER", "worker", "on", ">secret", "+@all", "&*", *keys)


async def _disturb(admin: Redis, kind: str) -> None:
    if kind == "connections are cut":
        await send(admin, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        return
    await send(admin, "REPLICAOF", "127.0.0.1", "1")
    await asyncio.sleep(AWAY_S)
    await send(admin, "REPLICAOF", "NO", "ONE")


@pytest.mark.parametrize("lock_ms", [30_000, 1_000], ids=["a while", "longer than a lock lasts"])
async def test_a_run_waits_until_its_next_one_can_be_made_and_other_jobs_do_not(
    ticks: Ticks,
    registry: JobRegistry,
    mortal_client: JobClient,
    restricted: Settings,
    admin: Redis,
    lock_ms: int,
    lines: list[str],
) -> None:
    await _allow(admin, ALL_BUT_NEXT_RUNS)
    config = WorkerConfig(queue="default", concurrency=10, lock_duration_ms=lock_ms, stalled_interval_ms=300)
    async with Crew(registry, restricted, configs=(config,)) as crew:
        await ticks.schedule(4, mortal_client)

        async def all_have_begun() -> bool:
            return crew.worker.running_count == 4 if lock_ms > 1_000 else len(_left(lines)) >= 4

        await eventually(all_have_begun, "all runs are held up")
        handle = await ticks.other.trigger(1, client=mortal_client)
        await handle.result(timeout="10s")
        assert ticks.runs == []
        await _allow(admin, EVERYTHING)
        await ticks.fire(4, time.monotonic())
    assert ticks.twice == []


def _left(lines: list[str]) -> set[str]:
    return {line.split()[2] for line in lines if "its next run could not be made" in line}


@pytest.mark.parametrize("lose", ["its job is gone", "it ended without the next one"])
async def test_a_run_that_is_lost_while_workers_run_is_made_again_once(
    ticks: Ticks, registry: JobRegistry, client: JobClient, settings: Settings, redis: Redis, lose: str
) -> None:
    config = WorkerConfig(queue="default", concurrency=2, stalled_interval_ms=200)
    keys = client.queue("default").keys
    async with Crew(registry, settings, configs=(config,)), Crew(registry, settings, configs=(config,)):
        await ticks.schedule(4, client)
        await ticks.fire(4, 0)
        for schedule in (f"s{number}" for number in range(4)):
            run = f"repeat:{schedule}:{await redis.zscore(keys['repeat'], schedule):.0f}"
            if await redis.zrem(keys["delayed"], run):
                if lose == "its job is gone":
                    await redis.delete(keys[""] + run)
                else:
                    await redis.hset(keys[""] + run, "finishedOn", "1")
                    await redis.zadd(keys["failed"], {run: 1})
        await ticks.fire(4, time.monotonic())
    assert ticks.twice == []
    left = [str(run) for run in await redis.zrange(keys["delayed"], 0, -1)]  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
    assert len({run.split(":")[1] for run in left}) == len(left)


@pytest.mark.parametrize(
    ("schedules", "times"), [(40, 3), pytest.param(40, 12, marks=pytest.mark.long)], ids=["short", "long"]
)
async def test_all_schedules_fire_after_connections_were_cut_and_redis_could_not_write(
    ticks: Ticks,
    registry: JobRegistry,
    mortal_client: JobClient,
    mortal_settings: Settings,
    admin: Redis,
    schedules: int,
    times: int,
) -> None:
    random = Random(1)  # noqa: S311 - reproducible, not secret
    async with Crew(registry, mortal_settings):
        await ticks.schedule(schedules, mortal_client)
        await ticks.fire(schedules, 0)
        for kind in islice(cycle(["connections are cut", "read-only"]), times):
            # Most runs come at the beginning of a second: what happens is to fall among them.
            await asyncio.sleep(2 - time.time() % 1 + random.uniform(-0.1, 0.1))
            await _disturb(admin, kind)
        await ticks.fire(schedules, time.monotonic())
    assert ticks.twice == []
