"""Workers that die without a word: their jobs are run again, and are not failed for it."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from midday_worker import JobClient, JobContext, JobRegistry, Settings, job
from midday_worker.client.client import redis_config
from midday_worker.engine.producer.backend import Backend
from midday_worker.engine.redis.connection import Connection, connect
from midday_worker.engine.worker.config import WorkerConfig
from midday_worker.engine.worker.job_scripts import Transitions
from tests.deadline import eventually
from tests.integration.crew import Crew

DEADLY = """
import asyncio
import os
import signal
import sys
from pathlib import Path

from midday_worker import JobContext, JobRegistry, Settings, job
from midday_worker.workers.plan import plan_from_settings
from midday_worker.workers.service import WorkerService

registry = JobRegistry()

@job("deadly", registry=registry)
async def deadly(data: str, ctx: JobContext) -> None:
    with Path(data).open("a") as runs:
        runs.write("run;")
    os.kill(os.getpid(), signal.SIGKILL)

settings = Settings(env_file=None)
asyncio.run(WorkerService(registry, plan_from_settings(registry, settings), settings).run())
"""

CONFIG = WorkerConfig(queue="default", concurrency=1, lock_duration_ms=200, stalled_interval_ms=100)


async def take_and_die(settings: Settings, token: str) -> None:
    """Take a job, as soon as its last worker's lock has expired, and do nothing with it."""
    redis = redis_config(settings)
    connection = Connection(connect(redis))
    backend = Backend(CONFIG.queue, connection, redis.prefix)
    moves = Transitions(backend, lock_duration_ms=CONFIG.lock_duration_ms)

    async def takes() -> bool:
        await backend.moveStalledJobsToWait(25, CONFIG.stalled_interval_ms)
        return (await moves.fetch(token)).job_id is not None

    await eventually(takes, "the job is taken")
    await connection.close()


async def test_a_job_outlives_several_dead_workers_and_keeps_its_attempts(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    async def handle(data: int, ctx: JobContext) -> int:
        return ctx.job.attemptsMade

    counting = job("count", int, handle, attempts=1, registry=registry)
    triggered = await counting.trigger(1, client=client)
    for number in range(3):
        await take_and_die(settings, f"dead:{number}")
        assert await triggered.state() == "active"
    async with Crew(registry, settings, configs=(CONFIG,)):
        assert await triggered.result("10s") == 0
    assert (await triggered.fetch()).stalledCounter == 3


async def test_a_job_that_kills_its_workers_is_run_no_more_often_than_the_limit_of_stalls_allows(
    client: JobClient, registry: JobRegistry, settings: Settings, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    deadly = job("deadly", str, lambda data, ctx: None, attempts=1, registry=registry)
    triggered = await deadly.trigger(str(runs), client=client)
    environment = {
        **os.environ,
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "REDIS_PREFIX": settings.redis_prefix,
        "WORKER_MAX_STALLED_COUNT": "2",
        "WORKER_LOCK_DURATION": "1s",
        "WORKER_STALLED_INTERVAL": "1s",
    }

    async def has_failed() -> bool:
        return await triggered.state() == "failed"

    async def work() -> None:
        while True:
            process = await asyncio.create_subprocess_exec(sys.executable, "-c", DEADLY, env=environment)
            try:
                await process.wait()
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()

    working = asyncio.create_task(work())
    try:
        await eventually(has_failed, "it has failed", 60)
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    stored = await triggered.fetch()
    assert runs.read_text() == "run;" * 3
    assert (stored.failedReason, stored.stalledCounter) == ("job stalled more than allowable limit", 3)
