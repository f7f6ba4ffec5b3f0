"""Waiting for work: idle workers, delays, schedules and rate limits."""

from __future__ import annotations

import asyncio
import time

import pytest

from midday_worker.engine.redis.connection import RedisConfig, connect
from midday_worker.testing import RedisServer
from tests.deadline import eventually
from tests.integration.engine.command_stats import command, commands
from tests.integration.faults.engine import Engine, Terms
from tests.integration.faults.engines import EngineAt


class Runs(list[object]):
    """A handler that keeps the data of the jobs it ran."""

    async def handle(self, data: object) -> None:
        self.append(data)

    async def until(self, count: int, within_s: float) -> None:
        """Wait until so many have run."""

        async def have_run() -> bool:
            return len(self) >= count

        await eventually(have_run, f"{count} jobs have run", within_s)


@pytest.mark.fault(1)
async def test_a_job_that_is_due_after_the_clients_own_time_limit_runs_when_it_is_due(engine: Engine) -> None:
    """The wait is longer than redis-py's 5 s: cut short there, it is started again with its whole length."""
    runs = Runs()
    async with engine.working(runs.handle):
        await engine.add("late", delay=6_500)
        await runs.until(1, within_s=9.5)


@pytest.mark.fault(5)
async def test_a_queue_with_a_space_in_its_name_is_worked(engine: Engine) -> None:
    runs = Runs()
    async with engine.working(runs.handle, Terms(queue="two words")):
        await engine.add("first", queue="two words")
        await runs.until(1, within_s=5)


@pytest.mark.fault(10)
async def test_a_rate_limit_holds_up_no_longer_than_it_has_to(engine: Engine) -> None:
    """Four windows of five jobs are about 1.5 s; with a sleep of the drain delay between them, 15 s."""
    runs = Runs()
    for number in range(20):
        await engine.add(number)
    async with engine.working(runs.handle, Terms(limit=(5, 500))):
        await runs.until(20, within_s=7)


@pytest.mark.fault(11)
async def test_delays_are_not_in_whole_seconds(engine: Engine) -> None:
    """Six delays, one after another, are 0.9 s; with waits of whole seconds, 6 s."""
    runs = Runs()
    async with engine.working(runs.handle):
        started = time.monotonic()
        for count in range(1, 7):
            await engine.add(count, delay=150)
            await runs.until(count, within_s=4.5 - (time.monotonic() - started))


@pytest.mark.fault(22)
async def test_an_idle_worker_of_high_concurrency_asks_little_of_redis(
    engine_at: EngineAt, mortal_redis: RedisServer
) -> None:
    engine, runs = engine_at(mortal_redis.url), Runs()
    async with engine.working(runs.handle, Terms(concurrency=50)), connect(RedisConfig(mortal_redis.url)) as redis:
        await engine.add("first")
        await runs.until(1, within_s=10)
        await command(redis, "CONFIG", "RESETSTAT")
        await asyncio.sleep(3)  # what is measured is that nothing happens
        calls = await commands(redis)
    assert sum(calls.values()) < 15, calls
