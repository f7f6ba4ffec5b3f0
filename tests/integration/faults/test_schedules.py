"""Schedules: cron patterns across a change of the clocks, and what is refused or put right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from redis.asyncio import Redis

from tests.integration.faults.engine import QUEUE, Engine, Refused

STOCKHOLM = ZoneInfo("Europe/Stockholm")


def next_change_to_summer_time() -> datetime:
    """The noon before the last Sunday of the next March."""
    now = datetime.now(UTC)
    end = datetime(now.year, 3, 31, 12, tzinfo=UTC)
    if end - timedelta(days=8) < now:
        end = end.replace(year=now.year + 1)
    return end - timedelta(days=(end.weekday() + 1) % 7 + 1)


@pytest.mark.fault(13)
async def test_the_first_run_after_a_change_of_the_clocks_is_at_its_hour(engine: Engine) -> None:
    start_ms = round(next_change_to_summer_time().timestamp() * 1000)
    await engine.schedule("early", pattern="30 4 * * *", tz="Europe/Stockholm", start_ms=start_ms)
    next_run = await engine.next_run("early")
    assert next_run is not None
    local = next_run.astimezone(STOCKHOLM)
    assert local.utcoffset() == timedelta(hours=2), f"{local} is not after the change"
    assert (local.hour, local.minute) == (4, 30)


@pytest.mark.fault(13)
async def test_the_last_monday_of_a_month_is_a_pattern_as_in_node(engine: Engine) -> None:
    await engine.schedule("monthly", pattern="0 12 * * 1L", tz="UTC")
    next_run = await engine.next_run("monthly")
    assert next_run is not None
    assert (next_run.weekday(), (next_run + timedelta(days=7)).month != next_run.month) == (0, True)


@pytest.mark.fault(13)
async def test_a_schedules_time_zone_is_always_written(engine: Engine, redis: Redis, redis_prefix: str) -> None:
    """Node reads a schedule without one in its process's own zone."""
    await engine.schedule("daily", pattern="0 9 * * *")
    assert await redis.hget(f"{redis_prefix}:{QUEUE}:repeat:daily", "tz") == "UTC"


@pytest.mark.fault(21)
async def test_a_fractional_every_is_refused_or_rounded(engine: Engine, redis: Redis, redis_prefix: str) -> None:
    """Node reads a whole number of milliseconds, and takes any other for none."""
    try:
        await engine.schedule("often", every=300.5)
    except Refused:
        return
    assert await redis.hget(f"{redis_prefix}:{QUEUE}:repeat:often", "every") in ("300", "301")


@pytest.mark.fault(21)
async def test_a_schedule_does_not_fire_before_its_start(engine: Engine) -> None:
    start = datetime.now(UTC) + timedelta(days=3)
    await engine.schedule("later", every=3_600_000, start=start)
    next_run = await engine.next_run("later")
    assert next_run is not None
    assert next_run >= start - timedelta(milliseconds=1)


@pytest.mark.fault(21)
async def test_a_schedule_that_is_not_there_is_none(engine: Engine) -> None:
    assert await engine.next_run("missing") is None
