"""A trace that begins in Python goes on in Node's workers; and jobs that leave their producer's trace out."""

from __future__ import annotations

import asyncio

from midday_worker import JobClient, JobContext, JobDefinition, JobRegistry, Payload, Settings, job
from tests.integration.crew import Crew
from tests.integration.tracing.traced_node import TracedNode, named, one
from tests.spans import Spans, context_of, id_of, parent_of, trace_of

WORK = """
const [count, fails] = JSON.parse(how);
let failed = 0;
await work("in-node", count, async (job) => {
  if (failed++ < fails) throw new Error("not yet");
  return 1;
});
"""


class Count(Payload):
    count: int


def in_node() -> JobDefinition[Count, int]:
    async def runs_in_node(data: Count, ctx: JobContext) -> int:
        raise AssertionError("Node runs it")

    return job("in-node", Count, runs_in_node, queue="in-node", registry=JobRegistry())


async def test_what_triggers_a_job_is_above_its_attempts_in_node(
    client: JobClient, traced_node: TracedNode, spans: Spans
) -> None:
    with spans.tracer.start_as_current_span("request"):
        await in_node().trigger({"count": 1}, attempts=2, backoff=10, delay=50)
    attempts = named(await traced_node.run(WORK, [1, 1]), "process in-node")

    added, request = spans.one("add in-node"), spans.one("request")
    assert parent_of(added) == id_of(request)
    assert [(span["trace"], span["parent"]) for span in attempts] == [(trace_of(request), id_of(added))] * 2


async def test_a_batch_is_one_span_above_all_of_its_jobs(
    client: JobClient, traced_node: TracedNode, spans: Spans
) -> None:
    await in_node().batch_trigger([{"payload": {"count": count}} for count in range(3)])
    runs = named(await traced_node.run(WORK, [3, 0]), "process in-node")

    added = spans.one("addBulk in-node")
    assert (added.attributes or {})["messaging.batch.message_count"] == 3
    assert [span["parent"] for span in runs] == [id_of(added)] * 3


async def test_the_runs_that_node_makes_of_pythons_schedule_are_in_its_trace(
    client: JobClient, traced_node: TracedNode, spans: Spans
) -> None:
    await in_node().trigger_recurring({"count": 1}, every="300ms", limit=2, schedule_id="often")
    runs = named(await traced_node.run(WORK, [2, 0]), "process in-node")

    written = spans.one("upsertJobScheduler in-node")
    assert (written.attributes or {})["bullmq.job.scheduler.id"] == "often"
    assert [(span["trace"], span["parent"]) for span in runs] == [(trace_of(written), id_of(written))] * 2


async def test_a_flow_of_both_languages_is_one_trace_and_its_parent_is_linked_to_its_children(
    client: JobClient, registry: JobRegistry, settings: Settings, traced_node: TracedNode, spans: Spans
) -> None:
    async def add_up(data: Count, ctx: JobContext) -> int:
        return len(await ctx.children_values())

    parent = job("parent", Count, add_up, queue="in-python", registry=registry)
    child = job("child", Count, add_up, queue="in-python", registry=registry)
    async with Crew(registry, settings):
        flow = await parent.trigger_flow(Count(count=0), [in_node().node({"count": 1}), child.node({"count": 2})])
        nodes = await traced_node.run(WORK, [1, 0])
        assert await flow.result(timeout="20s") == 2

    root, above = spans.one("addNode in-node"), {id_of(span): span for span in spans.ended()}
    assert one(nodes, "process in-node")["parent"] == id_of(root)
    runs = {str((span.attributes or {})["bullmq.job.name"]): span for span in spans.ended("process in-python")}
    adds = {name: above[parent_of(span) or ""] for name, span in runs.items()}
    assert {span.name for span in adds.values()} == {"addNode in-python"}
    assert {span.context.span_id for span in runs["parent"].links} == {
        context_of(root).span_id,
        context_of(adds["child"]).span_id,
    }
    assert {trace_of(span) for span in above.values()} == {one(nodes, "process in-node")["trace"]}


async def test_a_flow_of_nodes_is_one_trace_with_its_python_child(
    registry: JobRegistry, settings: Settings, traced_node: TracedNode, spans: Spans
) -> None:
    source = """
    const child = { name: "child", queueName: "in-python", data: { count: 1 }, opts: {} };
    const flow = { name: "parent", queueName: "in-node", data: {}, opts: {}, children: [child] };
    await new FlowProducer(options).add(flow);
    await work("in-node", 1, async () => 1);
    """

    async def count(data: Count, ctx: JobContext) -> int:
        return data.count

    job("child", Count, count, queue="in-python", registry=registry)
    async with Crew(registry, settings):
        nodes = await traced_node.run(source)

    run, parent = spans.one("process in-python"), one(nodes, "process in-node")
    assert parent_of(run) == one(nodes, "addNode in-python")["id"]
    assert trace_of(run) == parent["trace"] == one(nodes, "addFlow in-node")["trace"]


async def test_a_job_of_nodes_that_omits_its_context_starts_a_trace_of_its_own(
    registry: JobRegistry, settings: Settings, traced_node: TracedNode, spans: Spans
) -> None:
    ran = asyncio.Event()

    async def count(data: Count, ctx: JobContext) -> None:
        ran.set()

    job("count", Count, count, queue="in-python", registry=registry)
    async with Crew(registry, settings):
        nodes = await traced_node.run(
            'await queue("in-python").add("count", { count: 1 }, { telemetry: { omitContext: true } });'
        )
        await asyncio.wait_for(ran.wait(), 20)

    run = spans.one("process in-python")
    assert parent_of(run) is None
    assert trace_of(run) != one(nodes, "add in-python.count")["trace"]


async def test_a_job_of_pythons_that_omits_its_context_starts_a_trace_of_its_own_in_node(
    client: JobClient, traced_node: TracedNode, spans: Spans
) -> None:
    await in_node().trigger({"count": 1}, omit_trace_context=True)
    run = one(await traced_node.run(WORK, [1, 0]), "process in-node")

    assert run["parent"] is None
    assert run["trace"] != trace_of(spans.one("add in-node"))
