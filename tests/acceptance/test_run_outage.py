"""A worker process while Redis is away, and one whose run loop breaks."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from midday_worker import JobClient, Settings
from midday_worker.testing import RedisServer
from tests.acceptance.command import Command
from tests.acceptance.test_run import add

BROKEN = """
import asyncio

from midday_worker.engine.worker import Worker

fetch_some = Worker._fetch_some


async def break_down(worker: Worker) -> None:
    if worker.name == "mails":
        raise {error}("no way on")
    await fetch_some(worker)


Worker._fetch_some = break_down
"""


async def test_an_outage_is_said_once_per_process_and_its_end_once(command: Command, mortal_redis: RedisServer) -> None:
    """With two queues, a job that runs (so that locks are to be renewed), and readiness: all of them notice."""
    settings = Settings(env_file=None, redis_url=mortal_redis.url)
    running = await command.start(
        "run", "--drain-timeout", "0", REDIS_URL=mortal_redis.url, REDIS_PREFIX="bull", WORKER_LOCK_DURATION="1000"
    )
    async with JobClient(settings) as client:
        await add(client, "wait-for-ever")
        await running.until("waiting")
        await asyncio.to_thread(mortal_redis.kill)
        await running.until("does not answer as it should")
        await asyncio.sleep(4)  # what is seen is that nothing more is said
        mortal_redis.restart()
        await running.until("is back")
        await add(client, "send-mail", "mails")
        await running.until("sending to u1")
    running.signal(signal.SIGTERM)
    await running.end()
    assert len([line for line in running.lines if "ERROR" in line and "queue" in line]) == 1, running.lines
    assert len([line for line in running.lines if "is back" in line]) == 1, running.lines
    assert not any("were not renewed" in line or "Traceback" in line for line in running.lines)


@pytest.mark.parametrize("error", ["RuntimeError", "asyncio.CancelledError"])
async def test_a_queue_whose_run_loop_breaks_for_good_ends_the_process(
    command: Command, project: Path, error: str
) -> None:
    (project / "shop" / "sabotage.py").write_text(BROKEN.format(error=error))
    ended = await command.run("run", "--import", "shop.jobs", "--import", "shop.sabotage")
    assert ended.code == 1
    assert "queue mails can't be worked; stopping the process" in ended.err
    assert ended.err.count("the run loop of queue mails broke") == 6
