"""Node and Python on one queue, in both directions, with Node's own BullMQ."""

from __future__ import annotations

import asyncio
import json
from typing import cast

import pytest

from midday_worker import JobClient, JobContext, JobFailedError, JobRegistry, Payload, Settings, job
from midday_worker.demo.node import NodeRuntime
from tests.deadline import eventually
from tests.integration.crew import Crew

HEAD = """
import { Queue, QueueEvents, Worker, FlowProducer } from "bullmq";
const [url, prefix, queue] = process.argv.slice(2, 5);
const { hostname: host, port } = new URL(url);
const options = { connection: { host, port: Number(port), maxRetriesPerRequest: null }, prefix };
"""

ADD = """
const queue_ = new Queue(queue, options);
const added = await queue_.add(...JSON.parse(process.argv[5]));
console.log(JSON.stringify(added.id));
await queue_.close();
"""

ADD_AND_WAIT = """
const events = new QueueEvents(queue, options);
await events.waitUntilReady();
const queue_ = new Queue(queue, options);
const added = await queue_.add(...JSON.parse(process.argv[5]));
let answer;
try { answer = { value: await added.waitUntilFinished(events, 20000) }; }
catch (error) { answer = { failed: error.message }; }
console.log(JSON.stringify({ id: added.id, ...answer }));
await queue_.close();
await events.close();
"""

WORK_ONE = """
let ended;
const done = new Promise((resolve) => { ended = resolve; });
const worker = new Worker(queue, async (job) => {
  if (job.data.fails) throw new Error("not in Node");
  await job.updateProgress(50);
  return { doubled: job.data.count * 2, by: "node", name: job.name, opts: job.opts };
}, options);
worker.on("completed", ended);
worker.on("failed", ended);
await done;
await worker.close();
"""

READ = """
const queue_ = new Queue(queue, options);
const job = await queue_.getJob(process.argv[5]);
const state = await job.getState();
console.log(JSON.stringify({ state, ...job.asJSON(), opts: job.opts, data: job.data }));
await queue_.close();
"""

LIST_WORKERS = """
const queue_ = new Queue(queue, options);
console.log(JSON.stringify((await queue_.getWorkers()).length));
await queue_.close();
"""


class Count(Payload):
    count: int
    fails: bool = False


class Doubled(Payload):
    doubled: int
    by: str


class Peer:
    """Node, on this test's Redis and prefix."""

    def __init__(self, node: NodeRuntime, settings: Settings) -> None:
        self._node = node
        self._where = (settings.redis_url.get_secret_value(), settings.redis_prefix)

    async def run(self, source: str, queue: str, *arguments: object) -> object:
        texts = [each if isinstance(each, str) else json.dumps(each) for each in arguments]
        return await self._node.run(HEAD + source, *self._where, queue, *texts)


@pytest.fixture
def peer(node: NodeRuntime, settings: Settings) -> Peer:
    return Peer(node, settings)


async def double(data: Count, ctx: JobContext) -> Doubled:
    if data.fails:
        raise LookupError("not in Python")
    return Doubled(doubled=data.count * 2, by="python")


async def test_node_adds_python_runs_and_node_reads_the_result(
    registry: JobRegistry, settings: Settings, peer: Peer
) -> None:
    job("double", Count, double, queue="two words", registry=registry)
    async with Crew(registry, settings):
        answer = cast("dict[str, object]", await peer.run(ADD_AND_WAIT, "two words", ["double", {"count": 21}]))
    assert answer["value"] == {"doubled": 42, "by": "python"}


@pytest.mark.parametrize("added", [["sweep"], ["sweep", {}], ["sweep", None]])
async def test_node_adds_a_job_without_payload(
    registry: JobRegistry, settings: Settings, peer: Peer, added: list[object]
) -> None:
    @job("sweep", registry=registry)
    async def sweep(data: None, ctx: JobContext) -> str:
        return f"swept {data}"

    async with Crew(registry, settings):
        answer = cast("dict[str, object]", await peer.run(ADD_AND_WAIT, sweep.queue, added))
    assert answer["value"] == "swept None"


async def test_node_reads_why_python_refused_its_payload(registry: JobRegistry, settings: Settings, peer: Peer) -> None:
    job("double", Count, double, attempts=5, registry=registry)
    async with Crew(registry, settings):
        answer = cast("dict[str, str]", await peer.run(ADD_AND_WAIT, "default", ["double", {"count": "many"}]))
    assert answer["failed"].startswith("Invalid stored payload for job 'double': count: ")


async def test_a_job_of_nodes_without_attempts_gets_the_definitions(
    client: JobClient, registry: JobRegistry, settings: Settings, peer: Peer
) -> None:
    job("double", Count, double, attempts=3, backoff=0, registry=registry)
    job_id = cast("str", await peer.run(ADD, "default", ["double", {"count": 1, "fails": True}]))
    theirs = cast("str", await peer.run(ADD, "default", ["double", {"count": 1, "fails": True}, {"attempts": 1}]))
    async with Crew(registry, settings):
        ended = await client.wait_for("default", job_id).ending
        other = await client.wait_for("default", theirs).ending
    assert (ended.attempts, ended.reason) == (3, "not in Python")
    assert other.attempts == 1


async def test_python_adds_node_runs_and_the_handle_has_the_typed_result(
    client: JobClient, registry: JobRegistry, peer: Peer
) -> None:
    definition = job("double", Count, double, queue="for node", registry=registry)
    triggered = await definition.trigger(Count(count=21), client=client)
    working = asyncio.create_task(peer.run(WORK_ONE, "for node"))
    assert await triggered.result("30s") == Doubled(doubled=42, by="node")
    await working
    assert (await triggered.fetch()).progress == 50


async def test_a_worker_leaves_a_job_without_a_handler_to_node_on_the_same_queue(
    client: JobClient, registry: JobRegistry, settings: Settings, peer: Peer
) -> None:
    job("add-one", Count, double, queue="shared", registry=registry)
    declared = job("double", Count, result=Doubled, queue="shared", attempts=1, registry=registry)
    triggered = await declared.trigger(Count(count=21), client=client)
    async with Crew(registry, settings) as crew:
        tally = crew.tallies["shared"].of("double")

        async def parked() -> bool:
            return tally.parked == 1

        await eventually(parked, "the job is parked")
        assert await triggered.state() == "delayed"
    working = asyncio.create_task(peer.run(WORK_ONE, "shared"))
    assert await triggered.result("30s") == Doubled(doubled=42, by="node")
    await working
    assert await triggered.attempts_made() == 1


async def test_a_failure_in_node_is_told_with_nodes_words(client: JobClient, registry: JobRegistry, peer: Peer) -> None:
    definition = job("double", Count, double, queue="for-node", attempts=1, registry=registry)
    triggered = await definition.trigger(Count(count=1, fails=True), client=client)
    working = asyncio.create_task(peer.run(WORK_ONE, "for-node"))
    with pytest.raises(JobFailedError, match="not in Node"):
        await triggered.result("30s")
    await working


async def test_a_python_parent_gets_what_its_node_child_returned(
    client: JobClient, registry: JobRegistry, settings: Settings, peer: Peer
) -> None:
    elsewhere = JobRegistry()
    child = job("double", Count, double, queue="for-node", registry=elsewhere)

    async def collect(data: Count, ctx: JobContext) -> list[Doubled]:
        return await ctx.children_results(child)

    parent = job("collect", Count, collect, registry=registry)
    triggered = await parent.trigger_flow(Count(count=0), [child.node(Count(count=21))], client=client)
    working = asyncio.create_task(peer.run(WORK_ONE, "for-node"))
    async with Crew(registry, settings):
        assert await triggered.result("30s") == [Doubled(doubled=42, by="node")]
    await working


async def test_node_reads_our_options_as_its_own(client: JobClient, registry: JobRegistry, peer: Peer) -> None:
    definition = job("double", Count, double, registry=registry)
    triggered = await definition.trigger(
        Count(count=1),
        client=client,
        attempts=4,
        backoff={"type": "exponential", "delay": "1s", "jitter": 0.5},
        delay="1h",
        priority=3,
        keep_logs=9,
        remove_on_complete={"count": 7, "age": "1m"},
        deduplication={"id": "d1", "ttl": "1m"},
    )
    seen = cast("dict[str, object]", await peer.run(READ, "default", triggered.id))
    assert (seen["state"], seen["data"]) == ("delayed", {"count": 1, "fails": False})
    options = cast("dict[str, object]", seen["opts"])
    assert {key: options[key] for key in ("attempts", "backoff", "delay", "priority", "keepLogs")} == {
        "attempts": 4,
        "backoff": {"type": "exponential", "delay": 1000, "jitter": 0.5},
        "delay": 3_600_000,
        "priority": 3,
        "keepLogs": 9,
    }
    assert options["removeOnComplete"] == {"count": 7, "age": 60}
    assert options["deduplication"] == {"id": "d1", "ttl": 60_000}


async def test_node_lists_our_workers(registry: JobRegistry, settings: Settings, peer: Peer) -> None:
    job("double", Count, double, queue="two words", registry=registry)
    async with Crew(registry, settings):
        assert await peer.run(LIST_WORKERS, "two words") == 1
