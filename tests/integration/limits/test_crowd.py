"""Workers in processes of their own, Python's and Node's, which are killed again and again: the limits hold."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final, cast

import pytest
from redis.asyncio import Redis

from midday_worker import JobClient, JobDefinition
from midday_worker.admin import count_jobs, parked_jobs
from midday_worker.contract.typescript.limited_module import limited_module
from midday_worker.demo.node import NodeRuntime
from midday_worker.testing import RedisServer
from tests.deadline import eventually
from tests.integration.limits.crowd import BEGIN, LOCK_MS, PLACES, RATE, WINDOW_MS, Export, define, keys_of

ROOT: Final = Path(__file__).parents[3]
Exports = JobDefinition[Export, None]


class Crowd:
    """Processes that work one queue; any of them may be killed and started again."""

    def __init__(self, server: RedisServer, prefix: str, node: NodeRuntime, folder: Path) -> None:
        python = (sys.executable, "-m", "tests.integration.limits.crowd", server.url, prefix)
        (folder / "limited.mjs").write_text(limited_module())
        script = folder / "crowd.mjs"
        script.write_text(Path(__file__).with_name("crowd.mjs").read_text())
        (folder / "node_modules").symlink_to(node.directory / "node_modules")
        javascript = node.command(str(script), server.host, str(server.port), prefix, str(LOCK_MS), BEGIN)
        self._commands = {"python": python, "node": tuple(javascript)}
        self._members: list[tuple[str, asyncio.subprocess.Process]] = []

    async def start(self, kinds: Sequence[str]) -> None:
        """Start more of them, and wait until they work."""
        started = [await self._start(kind) for kind in kinds]
        self._members += started
        for kind, process in started:
            assert process.stdout is not None
            async with asyncio.timeout(60):
                assert await process.stdout.readline() == b"ready\n", kind

    async def kill_one(self, draw: random.Random) -> None:
        """Kill one, whatever it holds, and start another one of its kind."""
        kind, process = self._members.pop(draw.randrange(len(self._members)))
        process.kill()
        await process.wait()
        await self.start([kind])

    async def kill(self) -> None:
        """Kill all."""
        for _, process in self._members:
            process.kill()
            await process.wait()

    async def _start(self, kind: str) -> tuple[str, asyncio.subprocess.Process]:
        return kind, await asyncio.create_subprocess_exec(
            *self._commands[kind], cwd=ROOT, stdout=asyncio.subprocess.PIPE
        )


@pytest.fixture
async def crowd(
    redis_server: RedisServer, redis_prefix: str, node: NodeRuntime, tmp_path: Path
) -> AsyncIterator[Crowd]:
    crowd = Crowd(redis_server, redis_prefix, node, tmp_path)
    yield crowd
    await crowd.kill()


@asynccontextmanager
async def killing(crowd: Crowd, every_s: float) -> AsyncGenerator[list[float]]:
    """Kill one of them every so often, until the end of the block; yields when."""
    draw, kills, is_over = random.Random(17), list[float](), asyncio.Event()  # noqa: S311 - no secret

    async def kill() -> None:
        while not is_over.is_set():
            kills.append(time.time())
            await crowd.kill_one(draw)  # never cut short: nobody would know what it has started
            with suppress(TimeoutError):
                async with asyncio.timeout(every_s):
                    await is_over.wait()

    task = asyncio.create_task(kill())
    try:
        yield kills
    finally:
        is_over.set()
        await task


async def add(export: Exports, client: JobClient, team: str, count: int, provider: str | None = None) -> None:
    payload = {"teamId": team, "providerId": provider}
    await export.batch_trigger([{"payload": payload} for _ in range(count)], client=client)


async def until_empty(client: JobClient, within_s: float) -> None:
    async def is_empty() -> bool:
        counts = await count_jobs(client.queue("exports"))
        return not any(count for state, count in counts.items() if state not in ("completed", "failed"))

    await eventually(is_empty, "all jobs have ended", within_s)


async def most_at_once(redis: Redis, prefix: str) -> dict[str, int]:
    counts = cast("dict[str, str]", await redis.hgetall(keys_of(prefix)[1]))
    most: defaultdict[str, int] = defaultdict(int)
    for field in counts:
        team, _, running = field.rpartition(":")
        most[team] = max(most[team], int(running))
    return most


async def starts_of(redis: Redis, prefix: str, team: str) -> list[tuple[int, str]]:
    rows = cast("list[str]", await redis.lrange(keys_of(prefix)[2], 0, -1))
    return [(int(at), job_id) for name, at, job_id in (row.split() for row in rows) if name == team]


async def test_limits_hold_while_workers_are_killed(
    crowd: Crowd, client: JobClient, redis: Redis, redis_prefix: str
) -> None:
    _, export = define(redis, redis_prefix)
    await crowd.start(["python", "python", "node"])
    async with killing(crowd, 0.7):
        await add(export, client, "large", 300)
        await add(export, client, "slow", 60, "p")
        await asyncio.sleep(3)
    await until_empty(client, 60)
    most = await most_at_once(redis, redis_prefix)
    assert most
    assert max(most.values()) <= PLACES
    for team, count in (("large", 300), ("slow", 60)):
        assert len({job_id for _, job_id in await starts_of(redis, redis_prefix, team)}) == count


async def latencies(export: Exports, client: JobClient, redis: Redis, prefix: str, seconds: float) -> list[float]:
    """How long jobs of a small tenant wait for their starts, in ms, sorted."""
    added: dict[str, float] = {}
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.time()
        handle = await export.trigger(Export(teamId="small"), client=client)
        added[handle.id] = began * 1000
        await asyncio.sleep(0.05)
    await asyncio.sleep(10)
    started = {job_id: at for at, job_id in reversed(await starts_of(redis, prefix, "small"))}
    return sorted(started[job_id] - at for job_id, at in added.items())


@asynccontextmanager
async def beside(export: Exports, client: JobClient, team: str) -> AsyncGenerator[None]:
    """Keep a tenant's places taken, and its line short: the machine has the same work as with a long one."""

    async def feed() -> None:
        while True:
            if await parked_jobs(client.queue("exports")) < 20:
                await add(export, client, team, 20)
            await asyncio.sleep(0.05)

    feeding = asyncio.create_task(feed())
    try:
        yield
    finally:
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)


@pytest.mark.long
async def test_a_tenant_of_many_jobs_holds_nobody_up_while_workers_are_killed(
    crowd: Crowd, client: JobClient, redis: Redis, redis_prefix: str
) -> None:
    _, export = define(redis, redis_prefix)
    await crowd.start(["python"] * 4 + ["node"])
    look = partial(latencies, export, client, redis, redis_prefix, 30)
    async with beside(export, client, "large"):
        short = await look()
        async with killing(crowd, 2.0):
            short_killed = await look()
    async with killing(crowd, 2.0):
        await add(export, client, "large", 100_000)
        began = time.time()
        await add(export, client, "slow", RATE * 90, "p")
        long_killed = await look()
        ended = time.time()
    long = await look()
    most = await most_at_once(redis, redis_prefix)
    assert max(most.values()) <= PLACES, dict(most)
    starts = [at for at, _ in await starts_of(redis, redis_prefix, "slow") if began * 1000 < at < ended * 1000]
    rate = (len(starts) - 1) / (starts[-1] - starts[0]) * WINDOW_MS
    names = {"short": short, "long": long, "short, killed": short_killed, "long, killed": long_killed}
    p99 = {name: each[int(len(each) * 0.99)] for name, each in names.items()}
    report = f"most {dict(most)}, rate {rate:.2f} of {RATE}, p99 in ms by another tenant's line {p99}"
    print(report)  # noqa: T201 - what was measured
    assert RATE * 0.95 <= rate <= RATE * 1.05, report
    assert p99["long"] <= 2 * p99["short"], report
    assert await parked_jobs(client.queue("exports")) > 10_000, "the large tenant still waits"
