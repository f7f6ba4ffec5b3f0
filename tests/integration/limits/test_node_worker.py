"""A Node worker beside Python's, or alone, with the module that `midday-worker contract limits` prints."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
from pydantic import BaseModel, Field
from redis.asyncio import Redis

from midday_worker import (
    JobClient,
    JobContext,
    JobDefinition,
    JobRegistry,
    PerKey,
    QueueRegistry,
    RateLimit,
    Settings,
    job,
    queue,
)
from midday_worker.admin import count_jobs
from midday_worker.admin.limit_checks import check_limits
from midday_worker.contract.typescript.limited_module import limited_module
from midday_worker.demo.node import NodeRuntime
from midday_worker.engine.inspection.worker_clients import list_workers
from midday_worker.engine.worker.limited_transitions import LimitedTransitions
from midday_worker.testing import RedisServer
from tests.deadline import eventually
from tests.integration.crew import Crew

PAIR = 2
WORKER = Path(__file__).with_name("limited_worker.mjs")
COUNT = """
local n = redis.call("HINCRBY", KEYS[1], ARGV[1], 1)
if n > tonumber(redis.call("HGET", KEYS[2], ARGV[1]) or 0) then redis.call("HSET", KEYS[2], ARGV[1], n) end
"""


class Export(BaseModel):
    team: str = Field(alias="teamId")


Exports = JobDefinition[Export, list[int]]


@pytest.fixture
def registry() -> JobRegistry:
    return JobRegistry(QueueRegistry())


def exports(registry: JobRegistry, redis: Redis, prefix: str, *limits: PerKey) -> Exports:
    async def handle(data: Export, ctx: JobContext) -> list[int]:
        await redis.eval(COUNT, 2, f"{prefix}-running", f"{prefix}-most", data.team)  # pyright: ignore[reportGeneralTypeIssues, reportUnknownMemberType] - redis-py types its replies as a union
        await asyncio.sleep(0.02)
        await redis.hincrby(f"{prefix}-running", data.team, -1)
        return [ctx.job.attemptsMade, ctx.job.attemptsStarted]

    limited = queue("exports", limits=limits, registry=registry.queues)
    return job("export", Export, handle, queue=limited, registry=registry)


@asynccontextmanager
async def node_worker(runtime: NodeRuntime, folder: Path, server: RedisServer, prefix: str) -> AsyncGenerator[None]:
    """A Node worker in a process of its own, until the end of the block."""
    await asyncio.to_thread(runtime.install)
    (folder / "limited.mjs").write_text(limited_module())
    (folder / "worker.mjs").write_text(WORKER.read_text())
    if not (modules := folder / "node_modules").exists():
        modules.symlink_to(runtime.directory / "node_modules")
    node = await asyncio.create_subprocess_exec(
        *runtime.command(str(folder / "worker.mjs"), server.host, str(server.port), prefix, "exports", "10"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert node.stdin is not None
    assert node.stdout is not None
    try:
        async with asyncio.timeout(60):
            assert await node.stdout.readline() == b"ready\n"
        yield
        node.stdin.close()
        async with asyncio.timeout(30):
            await node.wait()
    finally:
        if node.returncode is None:
            node.kill()
            await node.wait()


async def until_completed(client: JobClient, count: int) -> None:
    async def have_completed() -> bool:
        return (await count_jobs(client.queue("exports"))).get("completed") == count

    await eventually(have_completed, f"{count} jobs have completed", 60)


async def attempts_of_all(client: JobClient, redis: Redis) -> set[str]:
    found = client.queue("exports")
    ids = cast("list[str]", await found.ask("ZRANGE", found.keys["completed"], 0, -1))
    return {json.dumps(await redis.hmget(found.toKey(each), ["atm", "ats"])) for each in ids}


async def test_node_and_python_share_the_places(
    node: NodeRuntime,
    tmp_path: Path,
    redis_server: RedisServer,
    redis_prefix: str,
    registry: JobRegistry,
    redis: Redis,
    client: JobClient,
    settings: Settings,
) -> None:
    export = exports(registry, redis, redis_prefix, PerKey("teamId", concurrency=PAIR))
    alone = settings.model_copy(update={"concurrency": 1})  # there are four places: Node has to take others
    async with Crew(registry, alone), node_worker(node, tmp_path, redis_server, redis_prefix):
        (finding,) = await check_limits(client.queue("exports"), await list_workers(client.queue("exports")))
        assert "limited()" in finding.fix
        teams = ["large"] * 60 + ["small"] * 20
        await export.batch_trigger([{"payload": {"teamId": team}} for team in teams], client=client)
        await until_completed(client, 80)
        assert await redis.hgetall(f"{redis_prefix}-most") == {"large": "2", "small": "2"}
        by_node = cast("dict[str, str]", await redis.hgetall(f"{redis_prefix}-by-node"))
        assert 0 < sum(map(int, by_node.values())) < 80, "both have worked"
    assert await attempts_of_all(client, redis) == {'["1", "1"]'}, "to wait for a place uses no attempt"


async def test_node_alone_goes_on_as_time_passes(
    node: NodeRuntime,
    tmp_path: Path,
    redis_server: RedisServer,
    redis_prefix: str,
    registry: JobRegistry,
    redis: Redis,
    client: JobClient,
) -> None:
    limits = (PerKey("teamId", rate=RateLimit(4, "1s")), PerKey("teamId", concurrency=PAIR))
    export = exports(registry, redis, redis_prefix, *limits)
    wire = [limit.wire for limit in limits]
    await LimitedTransitions(client.queue("exports").own_backend, wire, lock_duration_ms=30_000).publish_limits()
    async with node_worker(node, tmp_path, redis_server, redis_prefix):
        await export.batch_trigger([{"payload": {"teamId": "a"}} for _ in range(10)], client=client)
        began = asyncio.get_running_loop().time()
        await until_completed(client, 10)
        assert asyncio.get_running_loop().time() - began > 1.8
    most = cast("dict[str, str]", await redis.hgetall(f"{redis_prefix}-most"))
    assert int(most["a"]) <= PAIR
