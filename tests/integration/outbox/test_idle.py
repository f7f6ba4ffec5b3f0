"""When a test's worker is idle: not while a job is in the outbox, or on its way there."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from midday_worker import JobContext, JobRegistry, Settings, job
from midday_worker.databases import Database
from midday_worker.testing import RedisServer, running_worker, time_travel
from midday_worker.testing.outbox_state import OutboxState

DEADLINE_S = 60


async def test_a_tests_worker_is_not_idle_if_a_job_ends_while_it_is_looked_at(
    database: Database,
    database_url: str,
    redis_server: RedisServer,
    registry: JobRegistry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    go_on, unsent = asyncio.Event(), OutboxState.unsent

    @job("first", registry=registry)
    async def first(data: int, ctx: JobContext) -> None:
        await go_on.wait()
        if data:
            await first.trigger(data - 1, session=ctx.db)

    settings = Settings.model_validate({"redis_url": redis_server.url, "database_primary_url": database_url})
    async with running_worker(registry, settings=settings) as worker:

        async def unsent_then_one_ends(state: OutboxState) -> int:
            found = await unsent(state)
            go_on.set()
            async with asyncio.timeout(DEADLINE_S):
                while not worker.runs:  # noqa: ASYNC110 - nobody tells of it
                    await asyncio.sleep(0.01)
            return found

        monkeypatch.setattr(OutboxState, "unsent", unsent_then_one_ends)
        await first.trigger(2)
        await worker.run_until_idle()
        assert [run.data for run in worker.runs] == [2, 1, 0]


async def test_a_tests_worker_is_not_idle_while_a_job_is_in_the_outbox(
    database: Database, database_url: str, redis_server: RedisServer, registry: JobRegistry
) -> None:
    @job("first", registry=registry)
    async def first(data: int, ctx: JobContext) -> None:
        if data:
            await first.trigger(data - 1, session=ctx.db)

    settings = Settings.model_validate({"redis_url": redis_server.url, "database_primary_url": database_url})
    async with running_worker(registry, settings=settings) as worker, AsyncSession(database.engine()) as within:
        await first.trigger(3, session=within)
        await within.commit()
        await worker.run_until_idle()
        assert [run.data for run in worker.runs] == [3, 2, 1, 0]
    async with time_travel(registry, settings=settings) as world, AsyncSession(database.engine()) as within:
        await first.trigger(1, session=within, delay="2d")
        await within.commit()
        await world.advance("1d")
        assert world.runs == []
        await world.advance("2d")
        world.assert_ran(first, times=2)
