"""Workers that die or block: their jobs are run again, or not, and are never failed for it."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from midday_worker.testing import RedisServer
from tests.integration.faults.dying_worker import LOCK_MS
from tests.integration.faults.engine import Engine, Terms
from tests.integration.faults.engines import ENGINES
from tests.integration.faults.state import until_state

ROOT = Path(__file__).parents[3]


@pytest.mark.fault(8)
async def test_a_handler_that_blocks_the_loop_for_three_locks_runs_once(
    engine: Engine, engine_name: str, redis_server: RedisServer, redis_prefix: str
) -> None:
    """A second worker, on a loop of its own as in another process, looks for stalled jobs meanwhile."""
    runs: list[str] = []
    started, stop = threading.Event(), threading.Event()
    terms = Terms(lock_ms=800)

    async def block(data: object) -> None:
        runs.append("first")
        started.set()
        time.sleep(2.4)  # noqa: ASYNC251 - what this test is about

    async def again(data: object) -> None:
        runs.append("second")

    async def watch() -> None:
        async with ENGINES[engine_name](redis_server.url, redis_prefix).working(again, terms):
            await asyncio.to_thread(stop.wait, 30)

    watcher = threading.Thread(target=lambda: started.wait(30) and asyncio.run(watch()))
    watcher.start()
    try:
        async with engine.working(block, terms):
            await until_state(engine, await engine.add("word", attempts=1), "completed", within_s=10)
    finally:
        stop.set()
        started.set()
        await asyncio.to_thread(watcher.join)
    assert runs == ["first"]


@pytest.mark.fault(9)
async def test_a_job_whose_workers_were_killed_twice_is_run_by_the_third(
    engine: Engine, engine_name: str, redis_server: RedisServer, redis_prefix: str
) -> None:
    job_id = await engine.add("word", attempts=1)
    command = ["-m", "tests.integration.faults.dying_worker", engine_name, redis_server.url, redis_prefix]
    for _ in range(2):
        dying = await asyncio.create_subprocess_exec(sys.executable, *command, cwd=ROOT)
        assert await asyncio.wait_for(dying.wait(), 30) == -signal.SIGKILL
        assert await engine.state(job_id) == "active"

    async def handle(data: object) -> None: ...

    async with engine.working(handle, Terms(lock_ms=LOCK_MS)):
        await until_state(engine, job_id, "completed", within_s=10)
