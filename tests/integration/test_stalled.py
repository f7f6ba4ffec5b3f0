"""Workers that die without a word: their jobs are run again, and are not failed for it."""

from __future__ import annotations

from midday_worker import JobClient, JobContext, JobRegistry, Settings, job
from midday_worker.client import redis_config
from midday_worker.engine.backend import Backend
from midday_worker.engine.connection import Connection, connect
from midday_worker.engine.transitions import Transitions
from midday_worker.engine.worker_config import WorkerConfig
from tests.deadline import eventually
from tests.integration.crew import Crew

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
