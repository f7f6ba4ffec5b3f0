"""Handlers that are plain functions: as many at once as the queue allows, and none that outlives the worker's end."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from midday_worker import (
    JobClient,
    JobFailedError,
    JobRegistry,
    RedisUnavailableError,
    Settings,
    SyncJobContext,
    job,
    sync_results,
)
from midday_worker.engine.worker.config import WorkerConfig
from midday_worker.errors import EngineError
from midday_worker.testing import RedisServer
from midday_worker.workers.plan import make_plan
from midday_worker.workers.service import WorkerService
from tests.deadline import eventually
from tests.integration.crew import Crew
from tests.spans import id_of, parent_of, recorded_spans

MANY = 40
"""More than the threads of asyncio's own pool on any machine: 32."""

JOBS = """
import threading
import time
from pathlib import Path

from midday_worker import SyncJobContext, job

@job("hang")
def hang(data: str, ctx: SyncJobContext) -> None:
    Path(data).touch()
    threading.Event().wait()
"""


async def test_as_many_plain_functions_run_at_once_as_the_queue_allows(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    together = threading.Barrier(MANY)

    def meet(data: int, ctx: SyncJobContext) -> int:
        together.wait(10)
        return data

    meeting = job("meet", int, meet, attempts=1, registry=registry)
    async with Crew(registry, settings, configs=(WorkerConfig(queue="default", concurrency=MANY),)):
        handles = await meeting.batch_trigger([{"payload": number} for number in range(MANY)], client=client)
        assert [await handle.result("15s") for handle in handles] == list(range(MANY))


async def test_a_stop_iteration_out_of_a_plain_function_fails_its_job(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    def first(data: list[int], ctx: SyncJobContext) -> int:
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

    def loop(data: int, ctx: SyncJobContext) -> None:
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
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    quick = settings.model_copy(update={"cancel_grace": 100})
    release = threading.Event()

    def hang(data: int, ctx: SyncJobContext) -> None:
        release.wait(60)

    hanging = job("hang", int, hang, attempts=1, timeout="100ms", registry=registry)
    async with Crew(registry, quick):
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

    def compute(data: int, ctx: SyncJobContext) -> int:
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


async def test_a_plain_functions_context_writes_to_its_job_and_reads_its_children(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    def square(data: int, ctx: SyncJobContext) -> int:
        return data * data

    def gather(data: list[str], ctx: SyncJobContext) -> list[object]:
        ctx.update_progress({"rows": 7})
        ctx.log("gathering")
        rows = list(ctx.track(data))
        return [*rows, sum(ctx.children_results(squares)), len(ctx.children_values()), ctx.job.attempt, ctx.job.queue]

    squares = job("square", int, square, registry=registry)
    gathering = job("gather", list[str], gather, queue="gathering", registry=registry)
    async with Crew(registry, settings):
        flow = await gathering.trigger_flow(["a", "b"], [squares.node(2), squares.node(3)], client=client)
        seen = [progress async for progress in flow.progress()]
        assert await flow.result("20s") == ["a", "b", 13, 2, 1, "gathering"]
        assert seen[-1] == 100
        assert await flow.logs() == ["gathering"]


async def test_a_thread_that_is_left_behind_has_no_effect_on_the_next_attempt(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    quick = settings.model_copy(update={"cancel_grace": 50})
    release, refused = threading.Event(), threading.Event()

    def hang_once(data: int, ctx: SyncJobContext) -> int:
        if ctx.job.attempt == 1:
            release.wait(4)  # longer than it has to clean up, and shorter than it usually has
            with pytest.raises(EngineError, match=r"This attempt at job .* is over"):
                ctx.update_progress(99)
            refused.set()
        else:
            ctx.update_progress(1)
        return ctx.job.attempt

    hanging = job("hang-once", int, hang_once, attempts=2, backoff=0, timeout="100ms", registry=registry)
    async with Crew(registry, quick):
        handle = await hanging.trigger(1, client=client)
        try:
            assert await handle.result("20s") == 2
        finally:
            release.set()
        assert await asyncio.to_thread(refused.wait, 20)
        assert (await handle.fetch()).progress == 1


async def test_a_blocking_call_of_a_plain_function_goes_to_its_workers_redis_whatever_the_environment_says(
    client: JobClient, registry: JobRegistry, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")

    def double(data: int, ctx: SyncJobContext) -> int:
        return 2 * data

    def hand_on(data: int, ctx: SyncJobContext) -> list[int]:
        handles = doubling.sync.batch_trigger({"payload": data + more} for more in range(3))
        return sync_results(handles, "20s")

    doubling = job("double", int, double, registry=registry)
    handing = job("hand-on", int, hand_on, registry=registry)
    service = WorkerService(registry, make_plan(registry), settings)
    running = asyncio.create_task(service.run())
    try:
        assert await (await handing.trigger(4, client=client)).result("30s") == [8, 10, 12]
    finally:
        service.stop()
        await running
    with pytest.raises(RedisUnavailableError):  # afterwards the environment counts again
        await asyncio.to_thread(doubling.sync.trigger, 1)


async def test_a_span_that_a_plain_function_makes_is_below_its_attempts(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    with recorded_spans() as spans:

        def make_span(data: int, ctx: SyncJobContext) -> None:
            with spans.tracer.start_as_current_span("inner"):
                pass

        spanning = job("span", int, make_span, registry=registry)
        async with Crew(registry, settings):
            await (await spanning.trigger(1, client=client)).result("20s")
    assert parent_of(spans.one("inner")) == id_of(spans.one("process default"))
