"""Limits per key, on the true engine: what runs at once, what starts in a time, and in which order."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from typing import Final

import pytest
from pydantic import BaseModel, Field
from redis.asyncio import Redis

from midday_worker import (
    JobClient,
    JobContext,
    JobDefinition,
    JobFailedError,
    JobRegistry,
    PerKey,
    QueueRegistry,
    RateLimit,
    Settings,
    job,
    queue,
)
from midday_worker.engine.worker.config import WorkerConfig
from midday_worker.engine.worker.limited_transitions import LimitedTransitions
from tests.deadline import eventually
from tests.integration.crew import Crew
from tests.integration.limits.stored_keys import keys_like

PAIR: Final = 2


class Export(BaseModel):
    """What is to be exported, by its names as they travel."""

    team: str | int | None = Field(default=None, alias="teamId")
    number: int = 0


class Team:
    """A queue with limits, its job, and what was seen of its runs."""

    def __init__(self, registry: JobRegistry, *limits: PerKey, takes_s: float = 0.02) -> None:
        self.running: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.ran: defaultdict[str, list[int]] = defaultdict(list)
        self.starts: defaultdict[str, list[float]] = defaultdict(list)
        self.attempts: list[tuple[int, int]] = []
        self.takes_s = takes_s
        self.queue = queue("exports", limits=limits, registry=registry.queues)
        self.export: JobDefinition[Export, None] = job(
            "export", Export, self._handle, queue=self.queue, registry=registry, attempts=3, backoff="20ms"
        )

    async def _handle(self, data: Export, ctx: JobContext) -> None:
        team = str(data.team)
        self.running[team] += 1
        self.most[team] = max(self.most[team], self.running[team])
        self.starts[team].append(time.time())
        self.attempts.append((ctx.job.attemptsMade, ctx.job.attemptsStarted))
        try:
            await asyncio.sleep(self.takes_s)
            if data.number < 0 and ctx.job.attemptsMade == 0:
                raise ValueError("the first attempt of a negative number")
            self.ran[team].append(data.number)
        finally:
            self.running[team] -= 1

    async def add(self, client: JobClient, team: str | int | None, *numbers: int) -> None:
        await self.export.batch_trigger(
            [{"payload": {"teamId": team, "number": number}} for number in numbers], client=client
        )

    async def until(self, count: int, within_s: float = 30.0) -> None:
        async def enough() -> bool:
            return sum(map(len, self.ran.values())) >= count

        await eventually(enough, f"{count} runs", within_s)


@pytest.fixture
def registry() -> JobRegistry:
    return JobRegistry(QueueRegistry())


async def test_a_key_runs_no_more_jobs_at_once_than_its_limit(
    client: JobClient, settings: Settings, registry: JobRegistry
) -> None:
    team = Team(registry, PerKey("teamId", concurrency=PAIR))
    await team.add(client, "large", *range(1, 31))
    await team.add(client, "small", *range(1, 5))
    await team.add(client, None, *range(1, 11))
    many = settings.model_copy(update={"concurrency": 10})
    async with Crew(registry, many):
        await team.until(44)
    assert team.most["large"] == PAIR
    assert team.most["small"] == PAIR
    assert team.most["None"] > PAIR, "a payload without a key has no limit"
    assert team.ran["large"] == sorted(team.ran["large"]), "a key's jobs keep their order"
    assert set(team.attempts) == {(0, 1)}, "to wait for a place uses no attempt"
    counts = await client.queue(team.queue).getJobCounts("delayed", "wait", "active", "completed")
    assert counts == {"delayed": 0, "wait": 0, "active": 0, "completed": 44}


async def test_two_workers_share_the_places_and_retries_give_theirs_back(
    client: JobClient, settings: Settings, registry: JobRegistry
) -> None:
    team = Team(registry, PerKey("teamId", concurrency=1))
    await team.add(client, 7, *range(-10, 0))
    async with Crew(registry, settings), Crew(registry, settings):
        await team.until(10)
    assert team.most["7"] == 1
    assert sorted(team.ran["7"]) == list(range(-10, 0))
    assert set(team.attempts) == {(0, 1), (1, 2)}


async def test_a_key_starts_no_more_jobs_in_a_time_than_its_rate(
    client: JobClient, settings: Settings, registry: JobRegistry
) -> None:
    team = Team(registry, PerKey("teamId", rate=RateLimit(5, "1s")), takes_s=0)
    await team.add(client, "slow", *range(1, 18))
    async with Crew(registry, settings):
        await team.until(17)
    starts = team.starts["slow"]
    assert team.ran["slow"] == sorted(team.ran["slow"])
    assert 2.9 < starts[-1] - starts[0] < 10
    for first, sixth in zip(starts, starts[5:], strict=False):
        assert sixth - first > 0.9


async def test_a_place_whose_worker_is_gone_is_given_to_the_next(
    client: JobClient, settings: Settings, registry: JobRegistry
) -> None:
    team = Team(registry, PerKey("teamId", concurrency=1))
    await team.add(client, "a", 1, 2, 3)
    found = client.queue(team.queue)
    wire = tuple(limit.wire for limit in team.queue.limits)
    gone = LimitedTransitions(found.own_backend, wire, lock_duration_ms=200)
    taken = await gone.fetch("a token of nobody's")
    assert taken.job_id is not None
    assert (await gone.fetch("another")).job_id is None
    config = WorkerConfig(queue="exports", concurrency=5, limits=wire, stalled_interval_ms=300)
    async with Crew(registry, settings, configs=(config,)):
        await team.until(3)
    assert team.most["a"] == 1


async def test_a_job_without_a_required_key_fails_clearly(
    client: JobClient, settings: Settings, registry: JobRegistry
) -> None:
    team = Team(registry, PerKey("teamId", concurrency=1, required=True))
    added = await client.queue(team.queue).add("export", {"number": 1}, {"attempts": 3})  # as another program does
    handle = team.export.handle(added.id, client=client)
    async with Crew(registry, settings):
        with pytest.raises(JobFailedError, match="teamId: the queue's limit per key needs"):
            await handle.result(timeout="30s")
    assert (await handle.fetch()).attemptsMade == 1
    assert not team.attempts


async def test_a_worker_that_stops_hands_its_place_back_with_the_job(
    client: JobClient, settings: Settings, registry: JobRegistry
) -> None:
    team = Team(registry, PerKey("teamId", concurrency=1), takes_s=3_600)
    await team.add(client, "a", 1, 2, 3)
    async with Crew(registry, settings) as crew:
        await eventually(lambda: _is(team.running["a"] == 1), "the first runs")
        await crew.worker.drain(0)
    team.takes_s = 0
    async with Crew(registry, settings):
        await team.until(3)
    assert team.ran["a"] == [1, 2, 3]


async def test_a_queue_without_limits_runs_no_other_scripts_and_has_no_other_keys(
    client: JobClient, settings: Settings, registry: JobRegistry, redis: Redis, redis_prefix: str
) -> None:
    team = Team(registry)
    async with Crew(registry, settings) as crew:
        await team.add(client, "a", *range(20))
        await team.until(20)
        assert not [name for name in crew.connection.commands if name.startswith("limited:")]
    assert not await keys_like(redis, f"{redis_prefix}:exports:limits*")


async def _is(value: bool) -> bool:
    return value
