"""Handlers that are plain functions: as many at once as the queue allows, and none that outlives the worker's end."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from midday_worker import JobClient, JobContext, JobFailedError, JobRegistry, Settings, job
from midday_worker.engine.worker_config import WorkerConfig
from midday_worker.testing import RedisServer
from tests.deadline import eventually
from tests.integration.crew import Crew

MANY = 40
"""More than the threads of asyncio's own pool on any machine: 32."""

JOBS = """
import threading
import time
from pathlib import Path

from midday_worker import JobContext, job

@job("hang")
def hang(data: str, ctx: JobContext) -> None:
    Path(data).touch()
    threading.Event().wait()
"""


async def test_as_many_plain_functions_run_at_once_as_the_queue_allows(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    together = threading.Barrier(MANY)

    def meet(data: int, ctx: JobContext) -> int:
        together.wait(10)
        return data

    meeting = job("meet", int, meet, attempts=1, registry=registry)
    async with Crew(registry, settings, configs=(WorkerConfig(queue="default", concurrency=MANY),)):
        handles = await meeting.batch_trigger([{"payload": number} for number in range(MANY)], client=client)
        assert [await handle.result("15s") for handle in handles] == list(range(MANY))


async def test_a_stop_iteration_out_of_a_plain_function_fails_its_job(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    def first(data: list[int], ctx: JobContext) -> int:
        return next(iter(data))

    firsts = job("first", list[int], first, attempts=1, registry=registry)
    async with Crew(registry, settings):
        with pytest.raises(JobFailedError, match="StopIteration"):
            await (await firsts.trigger([], client=client)).result("10s")


async def test_a_plain_function_that_hangs_does_not_keep_the_process_from_ending(
    redis_server: RedisServer, settings: Settings, client: JobClient, registry: JobRegistry, tmp_path: Path
) -> None:
    (tmp_path / "hanging.py").write_text(JOBS, "utf-8")
    started = tmp_path / "started"
    environment = {"REDIS_URL": redis_server.url, "REDIS_PREFIX": settings.redis_prefix}
    hanging = job("hang", str, lambda data, ctx: None, registry=registry)
    handle = await hanging.trigger(str(started), client=client)
    command = [sys.executable, "-m", "midday_worker", "run", "--import", "hanging", "--drain-timeout", "100ms"]
    with subprocess.Popen(command, cwd=tmp_path, env={**os.environ, **environment}) as process:  # noqa: ASYNC220 - started once
        try:

            async def runs() -> bool:
                return started.exists()

            await eventually(runs, "the job has started", 20)
            process.terminate()

            async def ended() -> bool:
                return process.poll() is not None

            await eventually(ended, "the process has ended", 20)
        finally:
            process.kill()
    assert await handle.state() == "waiting"


async def test_a_plain_function_sees_that_its_time_is_up(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    told = threading.Event()
    pause = threading.Event()

    def loop(data: int, ctx: JobContext) -> None:
        while not ctx.cancelled:
            pause.wait(0.01)
        told.set()

    looping = job("loop", int, loop, attempts=1, timeout="100ms", registry=registry)
    async with Crew(registry, settings):
        with pytest.raises(JobFailedError, match="timeout of 100 ms"):
            await (await looping.trigger(1, client=client)).result("10s")

        async def is_told() -> bool:
            return told.is_set()

        await eventually(is_told, "the function has seen it", 3)


async def test_a_plain_function_that_hangs_beyond_its_time_is_left_behind(
    client: JobClient, registry: JobRegistry, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("midday_worker.attempt.GRACE_S", 0.1)
    release = threading.Event()

    def hang(data: int, ctx: JobContext) -> None:
        release.wait(60)

    hanging = job("hang", int, hang, attempts=1, timeout="100ms", registry=registry)
    async with Crew(registry, settings):
        try:
            with pytest.raises(JobFailedError, match="timeout of 100 ms"):
                await (await hanging.trigger(1, client=client)).result("10s")
        finally:
            release.set()


async def test_a_plain_function_that_keeps_a_processor_busy_keeps_its_lock(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    """Pure Python for three times as long as a lock lasts, and others that look for stalled jobs meanwhile."""
    lock_ms = 1_000
    config = WorkerConfig(queue="default", concurrency=2, lock_duration_ms=lock_ms, stalled_interval_ms=lock_ms // 4)
    runs: list[int] = []

    def compute(data: int, ctx: JobContext) -> int:
        runs.append(data)
        end, rounds = time.monotonic() + 3 * lock_ms / 1000, 0
        while time.monotonic() < end:
            rounds += 1
        return rounds

    computing = job("compute", int, compute, registry=registry)
    async with Crew(registry, settings, configs=(config,)), Crew(registry, settings, configs=(config,)):
        handles = await computing.batch_trigger([{"payload": 1}, {"payload": 2}], client=client)
        for handle in handles:
            assert await handle.result("30s") > 0
            assert (await handle.fetch()).attemptsStarted == 1
    assert sorted(runs) == [1, 2]
