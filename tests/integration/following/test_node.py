"""Progress and log across the languages: a Node worker's followed here, and ours followed by Node's own BullMQ."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
from redis.asyncio import Redis

from midday_worker import JobClient, JobContext, JobDefinition, JobRegistry, Settings, SyncJobContext, job
from midday_worker.demo.node import NodeRuntime
from tests.acceptance.command import Command
from tests.integration.crew import Crew
from tests.integration.processes import process_jobs

HEAD: Final = """
import { Queue, QueueEvents, Worker } from "bullmq";
import IORedis from "ioredis";
const [url, prefix, queue, id] = process.argv.slice(2);
const { hostname: host, port } = new URL(url);
const options = { connection: { host, port: Number(port), maxRetriesPerRequest: null }, prefix };
"""

WORK: Final = """
const redis = new IORedis(url);
const next = async () => { if (!await redis.blpop(`${prefix}:gate`, 30)) throw new Error("nobody opened the gate"); };
const work = async (job) => {
  await job.updateProgress(25);
  await job.log("begun");
  await next();
  await job.updateProgress({ rows: 7 });
  await job.log("half é");
  await next();
  await job.updateProgress(100);
  await job.log("done");
  return 7;
};
await new Promise((resolve) => {
  const worker = new Worker(queue, work, options);
  worker.on("completed", () => worker.close().then(resolve));
});
redis.disconnect();
console.log("null");
"""

FOLLOW: Final = """
const queue_ = new Queue(queue, options);
const events = new QueueEvents(queue, { ...options, lastEventId: "0" });
const seen = [];
events.on("progress", ({ jobId, data }) => { if (jobId === id) seen.push(data); });
await events.waitUntilReady();
const job = await queue_.getJob(id);
const value = await job.waitUntilFinished(events, 30000);
const { logs, count } = await queue_.getJobLogs(id);
console.log(JSON.stringify({ seen, value, logs, count, progress: (await queue_.getJob(id)).progress }));
await events.close();
await queue_.close();
"""


class Gate:
    """Lets Node's job go on."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis = redis
        self._key = f"{settings.redis_prefix}:gate"

    async def open(self) -> None:
        """Let it make its next step."""
        await self._redis.rpush(self._key, "open")


@pytest.fixture
def gate(redis: Redis, settings: Settings) -> Gate:
    return Gate(redis, settings)


@pytest.fixture
def in_node(registry: JobRegistry) -> JobDefinition[int, int]:
    async def runs_in_node(data: int, ctx: JobContext) -> int:
        raise AssertionError("Node runs it")

    return job("in-node", int, runs_in_node, queue="in-node", registry=registry)


@pytest.fixture
async def node_worker(node: NodeRuntime, settings: Settings) -> AsyncIterator[asyncio.Task[object]]:
    where = (settings.redis_url.get_secret_value(), settings.redis_prefix, "in-node")
    working = asyncio.create_task(node.run(HEAD + WORK, *where))
    yield working
    working.cancel()
    await asyncio.wait({working})


async def test_a_node_workers_progress_is_told_step_by_step(
    client: JobClient, in_node: JobDefinition[int, int], gate: Gate, node_worker: asyncio.Task[object]
) -> None:
    handle = await in_node.trigger(1, client=client)
    seen: list[object] = []
    async for progress in handle.progress():
        seen.append(progress)
        if progress != 100:
            await gate.open()
    assert seen[-3:] == [25, {"rows": 7}, 100]
    assert await handle.result("30s") == 7
    await node_worker


async def test_a_node_workers_log_is_told_row_by_row(
    client: JobClient, in_node: JobDefinition[int, int], gate: Gate, node_worker: asyncio.Task[object]
) -> None:
    handle = await in_node.trigger(1, client=client)
    rows: list[str] = []
    async for row in handle.tail():
        rows.append(row)
        await gate.open()
    assert rows == ["begun", "half é", "done"] == await handle.logs()
    await node_worker


async def test_watch_shows_a_node_workers_progress_and_log(
    client: JobClient,
    settings: Settings,
    in_node: JobDefinition[int, int],
    gate: Gate,
    tmp_path: Path,
    node_worker: asyncio.Task[object],
) -> None:
    environment = {"REDIS_URL": settings.redis_url.get_secret_value(), "REDIS_PREFIX": settings.redis_prefix}
    command = Command(tmp_path, environment)
    handle = await in_node.trigger(1, client=client)
    watching = asyncio.create_task(command.run("watch", handle.id, "--queue", "in-node"))
    try:
        for _ in range(2):
            await gate.open()
        watched = await watching
    finally:
        await command.kill()
    assert (watched.code, watched.err) == (0, "")
    lines = watched.out.splitlines()
    assert [line for line in lines if line in ("begun", "half é", "done")] == ["begun", "half é", "done"]
    assert "Progress: 100" in lines
    assert lines[-1] == "Completed: 7"
    await node_worker


async def tell(data: int, ctx: JobContext) -> int:
    await ctx.update_progress(25)
    await ctx.log("begun")
    async for _ in ctx.track(["é"]):
        await ctx.log("half é")
    return 7


def tell_in_a_thread(data: int, ctx: SyncJobContext) -> int:
    ctx.update_progress(25)
    ctx.log("begun")
    for _ in ctx.track(["é"]):
        ctx.log("half é")
    return 7


async def followed_by_node(node: NodeRuntime, settings: Settings, queue: str, job_id: str) -> object:
    where = (settings.redis_url.get_secret_value(), settings.redis_prefix, queue, job_id)
    return await node.run(HEAD + FOLLOW, *where)


@pytest.mark.parametrize("plain", [False, True])
async def test_node_follows_what_a_handler_tells(
    plain: bool, client: JobClient, registry: JobRegistry, settings: Settings, node: NodeRuntime
) -> None:
    telling = (
        job("tell", int, tell_in_a_thread, queue="told", registry=registry)
        if plain
        else job("tell", int, tell, queue="told", registry=registry)
    )
    handle = await telling.trigger(1, client=client)
    async with Crew(registry, settings):
        found = await followed_by_node(node, settings, "told", handle.id)
    assert found == {"seen": [25, 100], "value": 7, "logs": ["begun", "half é"], "count": 2, "progress": 100}


async def test_node_follows_what_a_handler_tells_in_a_process(
    client: JobClient, settings: Settings, node: NodeRuntime
) -> None:
    handle = await process_jobs.tell.trigger("Ada", client=client)
    async with Crew(process_jobs.registry, settings):
        found = await followed_by_node(node, settings, "sums", handle.id)
    assert found == {
        "seen": [50, {"rows": 7}],
        "value": [handle.id, "tell", "sums", "Ada", 1, 3],
        "logs": ["a line of the job's log"],
        "count": 1,
        "progress": {"rows": 7},
    }
