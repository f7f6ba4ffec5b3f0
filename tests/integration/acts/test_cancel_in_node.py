"""Cancelling a job that Node runs: with the guide's lines, and without them."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from midday_worker import JobClient, JobDefinition, JobFailedError, JobHandle, JobRegistry, Settings, job
from midday_worker.demo.node import NodeRuntime
from tests.acceptance.readme_blocks import block
from tests.acceptance.test_lifecycle_guide import GUIDE
from tests.deadline import eventually

QUEUE = "in-node"

WORK = """
import { Queue, Worker, UnrecoverableError } from "bullmq";
import IORedis from "ioredis";
const [url, prefix, queue] = process.argv.slice(2, 5);
const redis = new IORedis(url, { maxRetriesPerRequest: null });
SNIPPET
const sleep = (ms, signal) => new Promise((resolve, reject) => {
  const timer = setTimeout(resolve, ms);
  signal?.addEventListener("abort", () => { clearTimeout(timer); reject(new Error("stopped")); });
});
const work = async (job, token, signal) => {
  await redis.rpush(`${prefix}:started`, job.id);
  if (job.data === "succeed") { await redis.blpop(`${prefix}:gate`, 30); return "done"; }
  if (job.data === "fail") { await redis.blpop(`${prefix}:gate`, 30); throw new Error("of its own"); }
  await sleep(60_000, signal);
};
const connection = { host: "127.0.0.1", port: Number(new URL(url).port) };
const worker = new Worker(queue, WRAPPED, { connection, prefix });
const ended = new Promise((resolve) => { worker.on("completed", resolve); worker.on("failed", (job) => {
  if (job.finishedOn) resolve();
}); });
await ended;
await worker.close();
redis.disconnect();
console.log("null");
"""


@pytest.fixture
def played(registry: JobRegistry) -> JobDefinition[str, str]:
    return job("play", str, lambda data, ctx: data, queue=QUEUE, attempts=3, backoff=0, registry=registry)


class Node:
    """A Node worker of the queue, with the guide's lines or without."""

    def __init__(self, node: NodeRuntime, settings: Settings, redis: Redis) -> None:
        self._node = node
        self._settings = settings
        self._redis = redis

    def work(self, *, honours: bool) -> asyncio.Task[object]:
        """Work until one job has ended."""
        source = WORK.replace("SNIPPET", block("Node's workers", "typescript", GUIDE) if honours else "")
        source = source.replace("WRAPPED", "cancellable(work)" if honours else "(job, token) => work(job, token)")
        where = (self._settings.redis_url.get_secret_value(), self._settings.redis_prefix, QUEUE)
        return asyncio.create_task(self._node.run(source, *where))

    async def until_started(self) -> None:
        """Wait until it runs a job."""

        async def started() -> object:
            return await self._redis.exists(f"{self._settings.redis_prefix}:started")

        await eventually(started, "Node runs the job", 30)

    async def open_gate(self) -> None:
        """Let its job end."""
        await self._redis.rpush(f"{self._settings.redis_prefix}:gate", "open")


@pytest.fixture
def worker(node: NodeRuntime, settings: Settings, redis: Redis) -> Node:
    return Node(node, settings, redis)


async def failure_of(handle: JobHandle[str]) -> tuple[str, int]:
    with pytest.raises(JobFailedError) as failure:
        await handle.result("30s")
    return failure.value.reason, failure.value.attempts


async def test_a_node_worker_with_the_guides_lines_stops(
    client: JobClient, played: JobDefinition[str, str], worker: Node, redis: Redis
) -> None:
    handle = await played.trigger("hang", client=client)
    working = worker.work(honours=True)
    await worker.until_started()
    assert await handle.cancel("from Python") == "requested"
    assert await failure_of(handle) == ("cancelled: from Python", 1)
    await working
    assert not await redis.exists(client.queue(QUEUE).toKey(handle.id) + ":cancel")


async def test_a_node_worker_with_the_guides_lines_completes_other_jobs(
    client: JobClient, played: JobDefinition[str, str], worker: Node
) -> None:
    handle = await played.trigger("succeed", client=client)
    working = worker.work(honours=True)
    await worker.open_gate()
    assert await handle.result("30s") == "done"
    await working


async def test_without_them_the_attempt_that_runs_is_the_last(
    client: JobClient, played: JobDefinition[str, str], worker: Node
) -> None:
    handle = await played.trigger("fail", client=client)
    working = worker.work(honours=False)
    await worker.until_started()
    assert await handle.cancel("from Python") == "requested"
    await worker.open_gate()
    assert await failure_of(handle) == ("cancelled: from Python", 2)
    await working


async def test_without_them_an_attempt_that_succeeds_completes(
    client: JobClient, played: JobDefinition[str, str], worker: Node
) -> None:
    handle = await played.trigger("succeed", client=client)
    working = worker.work(honours=False)
    await worker.until_started()
    assert await handle.cancel() == "requested"
    await worker.open_gate()
    assert await handle.result("30s") == "done"
    await working


async def test_a_job_that_was_cancelled_before_node_came_never_starts(
    client: JobClient, played: JobDefinition[str, str], worker: Node
) -> None:
    first = await played.trigger("hang", client=client)
    second = await played.trigger("succeed", client=client)
    await first.cancel()
    working = worker.work(honours=False)
    await worker.open_gate()
    assert await second.result("30s") == "done"
    assert await failure_of(first) == ("cancelled: no reason was given", 0)
    await working
