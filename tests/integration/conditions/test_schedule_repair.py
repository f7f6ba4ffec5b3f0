"""Schedules that would never fire again, as Node, Python or a hand in Redis leave them behind."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from midday_worker import JobClient, JobContext, JobDefinition, JobRegistry, Settings, job
from midday_worker.engine.producer.schedule_repair import ScheduleRepair
from midday_worker.workers.plan import make_plan
from midday_worker.workers.service import WorkerService
from tests.deadline import eventually

HOUR_MS = 3_600_000


class Ticks:
    """A recurring job, its schedule as it is stored, and what ran."""

    def __init__(self, registry: JobRegistry, settings: Settings, redis: Redis) -> None:
        self.runs: list[str] = []
        self.definition: JobDefinition[str, None] = job("tick", str, self.handle, registry=registry)
        self.redis = redis
        self.prefix = f"{settings.redis_prefix}:default"

    async def handle(self, data: str, ctx: JobContext) -> None:
        self.runs.append(data)

    async def next_ms(self, schedule: str) -> int:
        score = await self.redis.zscore(f"{self.prefix}:repeat", schedule)
        assert score is not None
        return int(score)

    async def lose_run(self, schedule: str) -> int:
        """Remove a schedule's next run, the job; return when it would have been."""
        at = await self.next_ms(schedule)
        await self.redis.zrem(f"{self.prefix}:delayed", f"repeat:{schedule}:{at}")
        await self.redis.delete(f"{self.prefix}:repeat:{schedule}:{at}")
        return at

    async def delayed(self) -> list[str]:
        found = await self.redis.zrange(f"{self.prefix}:delayed", 0, -1)  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
        return [str(each) for each in found]


@pytest.fixture
def ticks(registry: JobRegistry, settings: Settings, redis: Redis) -> Ticks:
    return Ticks(registry, settings, redis)


async def test_a_cron_schedule_whose_next_run_is_gone_gets_it_back(
    client: JobClient, ticks: Ticks, lines: list[str]
) -> None:
    schedule = await ticks.definition.trigger_recurring("u1", "0 9 * * *", tz="Europe/Stockholm", client=client)
    at = await ticks.lose_run(schedule.id)
    assert await ScheduleRepair(client.queue("default")).repair_all() == [schedule.id]
    assert await ticks.delayed() == [f"repeat:{schedule.id}:{at}"]
    assert lines == [f"WARNING schedule {schedule.id} of queue default had lost its next run; it goes on"]
    assert await ScheduleRepair(client.queue("default")).repair_all() == []


async def test_one_whose_last_run_is_long_past_goes_on_from_now(client: JobClient, ticks: Ticks) -> None:
    """The worker that ran it could not compute the next time, and the run has ended."""
    schedule = await ticks.definition.trigger_recurring("u1", every=timedelta(hours=1), client=client)
    at = await ticks.lose_run(schedule.id)
    past = at - 100 * HOUR_MS
    await ticks.redis.zadd(f"{ticks.prefix}:repeat", {schedule.id: past})  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
    assert await ScheduleRepair(client.queue("default")).repair_all() == [schedule.id]
    next_ms = await ticks.next_ms(schedule.id)
    assert next_ms > time.time() * 1000 - HOUR_MS
    assert await ticks.delayed() == [f"repeat:{schedule.id}:{next_ms}"]


async def test_its_payload_and_options_are_those_of_the_schedule(client: JobClient, ticks: Ticks) -> None:
    schedule = await ticks.definition.trigger_recurring("u1", "0 9 * * *", attempts=7, client=client)
    at = await ticks.lose_run(schedule.id)
    await ScheduleRepair(client.queue("default")).repair_all()
    made = await client.find("default", f"repeat:{schedule.id}:{at}")
    assert made is not None
    assert (made.name, made.data, made.opts["attempts"], made.repeatJobKey) == ("tick", "u1", 7, schedule.id)


async def test_what_is_left_of_a_run_that_is_in_no_state_is_no_hindrance(client: JobClient, ticks: Ticks) -> None:
    schedule = await ticks.definition.trigger_recurring("u1", "0 9 * * *", client=client)
    at = await ticks.next_ms(schedule.id)
    await ticks.redis.zrem(f"{ticks.prefix}:delayed", f"repeat:{schedule.id}:{at}")
    assert await ScheduleRepair(client.queue("default")).repair_all() == [schedule.id]
    assert await ticks.delayed() == [f"repeat:{schedule.id}:{at}"]


async def test_schedules_that_are_well_or_over_are_left_alone(
    client: JobClient, ticks: Ticks, lines: list[str]
) -> None:
    await ticks.definition.trigger_recurring("u1", "0 9 * * *", client=client)
    over = await ticks.definition.trigger_recurring("u2", every="1h", limit=1, client=client)
    at = await ticks.lose_run(over.id)
    await ticks.redis.zadd(f"{ticks.prefix}:repeat", {over.id: at - 2 * HOUR_MS})  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
    before = await ticks.delayed()
    assert await ScheduleRepair(client.queue("default")).repair_all() == []
    assert await ticks.delayed() == before
    assert lines == []


async def test_one_that_says_no_more_when_it_fires_is_said_in_one_line(
    client: JobClient, ticks: Ticks, lines: list[str]
) -> None:
    schedule = await ticks.definition.trigger_recurring("u1", "0 9 * * *", client=client)
    await ticks.lose_run(schedule.id)
    await ticks.redis.hdel(f"{ticks.prefix}:repeat:{schedule.id}", "pattern")
    assert await ScheduleRepair(client.queue("default")).repair_all() == []
    (line,) = lines
    assert line.startswith(f"ERROR schedule {schedule.id} of queue default will not fire again: ")
    assert line.endswith("Write it again, or remove it.")


async def test_a_pattern_that_nobody_can_compute_comes_up_again_after_a_day(
    client: JobClient, ticks: Ticks, lines: list[str]
) -> None:
    schedule = await ticks.definition.trigger_recurring("u1", "0 9 * * *", client=client)
    await ticks.lose_run(schedule.id)
    await ticks.redis.hset(f"{ticks.prefix}:repeat:{schedule.id}", "pattern", "0 9 * * BLUEDAY")
    assert await ScheduleRepair(client.queue("default")).repair_all() == [schedule.id]
    assert "BLUEDAY" in lines[0]
    assert "comes up again after 1 day" in lines[0]
    assert await ticks.next_ms(schedule.id) > time.time() * 1000 + 23 * HOUR_MS


@pytest.mark.parametrize("pattern", ["0 9 * * 1L", "0 0 9 L * *"])
async def test_a_pattern_of_node_s_that_ended_with_the_port_goes_on(
    client: JobClient, ticks: Ticks, pattern: str
) -> None:
    schedule = await ticks.definition.trigger_recurring("u1", "0 9 * * *", client=client)
    await ticks.lose_run(schedule.id)
    await ticks.redis.hset(f"{ticks.prefix}:repeat:{schedule.id}", "pattern", pattern)
    assert await ScheduleRepair(client.queue("default")).repair_all() == [schedule.id]


async def test_a_pattern_without_a_time_zone_is_warned_of(client: JobClient, ticks: Ticks, lines: list[str]) -> None:
    schedule = await ticks.definition.trigger_recurring("u1", "0 9 * * *", client=client)
    await ticks.redis.hdel(f"{ticks.prefix}:repeat:{schedule.id}", "tz")
    await ScheduleRepair(client.queue("default")).repair_all()
    (line,) = lines
    assert "has no time zone" in line


async def test_a_repeatable_job_of_an_older_bullmq_is_left_alone(
    client: JobClient, ticks: Ticks, lines: list[str]
) -> None:
    await ticks.redis.zadd(f"{ticks.prefix}:repeat", {"tick::::0 9 * * *": round(time.time() * 1000) + HOUR_MS})  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
    assert await ScheduleRepair(client.queue("default")).repair_all() == []
    assert lines == []
    assert await ticks.delayed() == []


async def test_a_service_that_starts_revives_a_schedule(
    client: JobClient, ticks: Ticks, registry: JobRegistry, settings: Settings
) -> None:
    schedule = await ticks.definition.trigger_recurring("u1", every="200ms", client=client)
    await ticks.lose_run(schedule.id)
    service = WorkerService(registry, make_plan(registry), settings)
    running = asyncio.create_task(service.run())

    async def has_ticked() -> bool:
        return len(ticks.runs) >= 2

    await eventually(has_ticked, "the schedule fires again")
    service.stop()
    assert await running
