"""Stopping a worker: in time, with nothing lost and nothing run twice."""

from __future__ import annotations

import asyncio
import time

import pytest

from midday_worker.testing import RedisServer
from tests.deadline import eventually
from tests.integration.faults.engine import Engine, Terms
from tests.integration.faults.engines import EngineAt
from tests.redis_proxy import SlowProxy


class Holding:
    """A handler whose runs wait until they are released."""

    def __init__(self) -> None:
        self.runs: list[object] = []
        self.started = asyncio.Event()
        self.release = asyncio.Event()

    async def handle(self, data: object) -> None:
        self.runs.append(data)
        self.started.set()
        await self.release.wait()

    async def until_started(self) -> None:
        await asyncio.wait_for(self.started.wait(), 10)


@pytest.mark.fault(3)
async def test_a_job_that_outlives_its_lock_while_its_worker_stops_runs_once(engine: Engine) -> None:
    holding, terms = Holding(), Terms(concurrency=2, lock_ms=700)
    job_id = await engine.add("long")
    async with engine.working(holding.handle, terms) as work:
        await holding.until_started()
        stopping = asyncio.create_task(work.stop(30))
        async with engine.working(holding.handle, terms):
            await asyncio.sleep(2.5)  # three locks and a look for stalled jobs; that nothing happens has no event
            holding.release.set()
            await stopping
    assert holding.runs == ["long"]
    assert await engine.state(job_id) == "completed"


@pytest.mark.fault(4)
async def test_a_job_that_was_being_fetched_when_its_worker_stopped_is_not_left_active(
    engine_at: EngineAt, redis_server: RedisServer
) -> None:
    """Redis has made it active, and the reply is on its way while the worker stops."""
    holding, direct = Holding(), engine_at(redis_server.url)
    await run_one(direct)  # Redis has the scripts now: what is held back is not a NOSCRIPT
    job_id = await direct.add("fetched")
    async with SlowProxy(redis_server, b":jobs:pc") as proxy, engine_at(proxy.url).working(holding.handle) as work:

        async def is_active() -> bool:
            return await direct.state(job_id) == "active"

        await eventually(is_active, "Redis has made the job active")
        stopping = asyncio.create_task(work.stop(10))
        await asyncio.wait({stopping}, timeout=0.2)
        proxy.release.set()
        await asyncio.wait({stopping}, timeout=0.5)
        if not stopping.done():  # it runs the job to its end
            holding.release.set()
        await stopping
        state = await direct.state(job_id)
        holding.release.set()
    assert state in ("waiting", "completed")


async def run_one(engine: Engine) -> None:
    holding = Holding()
    holding.release.set()
    async with engine.working(holding.handle):
        await engine.add("first")
        await holding.until_started()


@pytest.mark.fault(9)
async def test_a_job_that_a_forced_stop_cut_short_waits_again_at_once(engine: Engine) -> None:
    holding = Holding()
    job_id = await engine.add("cut short")
    async with engine.working(holding.handle) as work:
        await holding.until_started()
        await work.force()
        assert await engine.state(job_id) == "waiting"


@pytest.mark.fault(14)
async def test_stopping_a_worker_whose_job_hangs_takes_no_longer_than_was_asked(engine: Engine) -> None:
    holding = Holding()
    job_id = await engine.add("hangs")
    async with engine.working(holding.handle) as work:
        await holding.until_started()
        started = time.monotonic()
        stopping = asyncio.create_task(work.stop(0.3))
        try:
            await asyncio.wait({stopping}, timeout=8)
            assert stopping.done(), f"not stopped after {time.monotonic() - started:.1f} s"
        finally:
            holding.release.set()
    assert await engine.state(job_id) == "waiting"
