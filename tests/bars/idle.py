"""Bars of an idle worker: how soon it picks up a job, and how little it asks of Redis."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from midday_worker import JobClient, JobContext, JobDefinition, JobRegistry, Settings, job
from midday_worker.testing import RedisServer
from tests.bars.bar import Bar, percentile
from tests.deadline import eventually
from tests.integration.crew import Crew
from tests.soak.worker import start_worker

QUEUES: Final = 100


async def pick_up(server: RedisServer, idle_s: float) -> Bar:
    """Measure from the call of `trigger` to the handler's first line, on queues that were idle for so long."""
    started: dict[int, float] = {}

    async def handle(data: int, ctx: JobContext) -> None:
        started[data] = time.monotonic()

    registry = JobRegistry()
    definitions = [job(f"job-{n}", int, handle, queue=f"queue-{n}", registry=registry) for n in range(QUEUES)]
    settings = Settings(env_file=None, redis_url=server.url, redis_prefix="pick-up")

    async with Crew(registry, settings), JobClient(settings) as client:
        for number, definition in enumerate(definitions):  # scripts are loaded, connections are there
            await _once(definition, -1 - number, started, client)
        await asyncio.sleep(idle_s)
        waits = [await _once(definition, number, started, client) for number, definition in enumerate(definitions)]
    half, most = (percentile(waits, percent) * 1000 for percent in (50, 99))
    what = f"pick-up by a worker that was idle for {idle_s:g} s, {QUEUES} times"
    return Bar(what, "p99 under 10 ms", f"p50 {half:.1f} ms, p99 {most:.1f} ms", most < 10)


async def _once(
    definition: JobDefinition[int, None], number: int, started: dict[int, float], client: JobClient
) -> float:
    async def has_started() -> bool:
        return number in started

    asked = time.monotonic()
    await definition.trigger(number, client=client)
    await eventually(has_started, "the job is picked up", 30)
    return started[number] - asked


async def commands(server: RedisServer, seconds: float, folder: Path) -> Bar:
    """Count what an idle worker process of concurrency 100 sends."""
    variables = {"REDIS_URL": server.url, "REDIS_PREFIX": "idle", "WORKER_CONCURRENCY": "100", "LOG_FORMAT": "json"}
    worker = await start_worker("tests.leaks.jobs", variables, folder / "idle.log")

    async def has_started() -> bool:
        return "leaks (concurrency 100)" in (folder / "idle.log").read_text()

    try:
        await eventually(has_started, "the worker is up", 60)
        await asyncio.sleep(1)  # its first looks around
        rate = await _sent(server, seconds) / seconds
    finally:
        worker.terminate()
        await worker.wait()
    return Bar(f"idle worker of concurrency 100, {seconds:g} s", "at most 2 commands/s", f"{rate:.2f}/s", rate <= 2)


async def _sent(server: RedisServer, seconds: float) -> int:
    """Count the commands that come within so many seconds, those left out that scripts call."""
    reader, writer = await asyncio.open_connection(server.host, server.port)
    sent = 0
    try:
        writer.write(b"MONITOR\r\n")
        await reader.readline()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while line := await reader.readline():
                    sent += b" lua] " not in line
    finally:
        writer.close()
    return sent
