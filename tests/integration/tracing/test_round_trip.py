"""A trace that begins in Node goes on in a Python worker, then in one of Node's, and ends in Python, unbroken."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from midday_worker import JobClient, JobContext, JobRegistry, Payload, Settings, job
from tests.integration.crew import Crew
from tests.integration.tracing.traced_node import NodeSpan, TracedNode, named, one
from tests.spans import Spans, id_of, parent_of, trace_of

NODE = """
const [add, opts] = JSON.parse(how);
const there = { count: 1 };
const worked = work("second", add === "schedule" ? 2 : 1, async (job) => {
  await queue("third").add("back", job.data);
});
if (add === "schedule") await queue("first").upsertJobScheduler("often", opts, { name: "there", data: there });
else await queue("first").add("there", there, opts);
await worked;
"""


class Count(Payload):
    count: int


@dataclass
class Road:
    """Python's part of the way: `there` on the queue first, and `back` on the queue third."""

    registry: JobRegistry
    fails: int = 0
    backs: int = 1
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        job("there", Count, self._there, queue="first", registry=self.registry)
        job("back", Count, self._back, queue="third", registry=self.registry)
        self._onward = job("onward", Count, self._onward_runs_in_node, queue="second", registry=JobRegistry())

    async def _there(self, data: Count, ctx: JobContext) -> None:
        if ctx.job.attemptsMade < self.fails:
            raise ConnectionError("not yet")
        await self._onward.trigger(data)

    async def _back(self, data: Count, ctx: JobContext) -> None:
        self.backs -= 1
        if not self.backs:
            self.arrived.set()

    async def _onward_runs_in_node(self, data: Count, ctx: JobContext) -> None:
        raise AssertionError("Node runs it")


async def travel(road: Road, settings: Settings, node: TracedNode, add: str, opts: object) -> list[NodeSpan]:
    """Let Node add the job, and wait until the last one has run in Python."""
    async with Crew(road.registry, settings):
        nodes = await node.run(NODE, [add, opts])
        await asyncio.wait_for(road.arrived.wait(), 30)
    return nodes


def assert_unbroken(nodes: list[NodeSpan], spans: Spans) -> None:
    """Follow the parents of the last span back to Node's first one."""
    begun = one(nodes, "add first.there")
    for process_third in spans.ended("process third"):
        assert trace_of(process_third) == begun["trace"], f"{spans}\n{nodes}"
        (add_third,) = [span for span in nodes if span["id"] == parent_of(process_third)]
        (process_second,) = [span for span in nodes if span["id"] == add_third["parent"]]
        (add_second,) = [span for span in spans.ended("add second") if id_of(span) == process_second["parent"]]
        (process_first,) = [span for span in spans.ended("process first") if id_of(span) == parent_of(add_second)]
        assert [add_third["name"], process_second["name"]] == ["add third.back", "process second"]
        assert parent_of(process_first) == begun["id"]


@pytest.mark.parametrize("opts", [{}, {"delay": 200}], ids=["plain", "delayed"])
async def test_a_jobs_trace_goes_through_both_languages(
    opts: dict[str, int],
    client: JobClient,
    registry: JobRegistry,
    settings: Settings,
    traced_node: TracedNode,
    spans: Spans,
) -> None:
    nodes = await travel(Road(registry), settings, traced_node, "add", opts)

    assert [len(spans.ended(name)) for name in ("process first", "add second", "process third")] == [1, 1, 1]
    assert_unbroken(nodes, spans)


async def test_each_attempt_is_a_span_of_the_same_trace(
    client: JobClient, registry: JobRegistry, settings: Settings, traced_node: TracedNode, spans: Spans
) -> None:
    nodes = await travel(Road(registry, fails=2), settings, traced_node, "add", {"attempts": 3, "backoff": 10})

    attempts = spans.ended("process first")
    assert [span.status.is_ok for span in attempts] == [False, False, True]
    assert {parent_of(span) for span in attempts} == {one(nodes, "add first.there")["id"]}
    assert_unbroken(nodes, spans)


async def test_the_runs_of_a_schedule_are_in_the_trace_of_what_wrote_it(
    client: JobClient, registry: JobRegistry, settings: Settings, traced_node: TracedNode, spans: Spans
) -> None:
    nodes = await travel(Road(registry, backs=2), settings, traced_node, "schedule", {"every": 300, "limit": 2})

    assert len(spans.ended("process first")) == len(named(nodes, "process second")) == 2
    assert_unbroken(nodes, spans)
