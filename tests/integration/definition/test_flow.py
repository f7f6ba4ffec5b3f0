"""Flows on a real Redis: order, results, failure policies, and all or nothing."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from midday_worker import (
    JobClient,
    JobContext,
    JobDefinition,
    JobFailedError,
    JobRegistry,
    NonRetryableError,
    Payload,
    PayloadError,
    Settings,
    job,
)
from midday_worker.errors import FlowError
from midday_worker.request import FailurePolicy
from tests.integration.crew import Crew
from tests.integration.stored_keys import keys_of


class Step(Payload):
    name: str
    fails: bool = False


class Steps:
    """Three jobs on three queues that keep the order in which they ran."""

    def __init__(self, registry: JobRegistry) -> None:
        self.order: list[str] = []
        self.parent: JobDefinition[Step, list[str]] = job("parent", Step, self.gather, queue="tops", registry=registry)
        self.middle: JobDefinition[Step, list[str]] = job("middle", Step, self.gather, queue="mids", registry=registry)
        self.leaf: JobDefinition[Step, str] = job("leaf", Step, self.single, queue="leaves", registry=registry)

    async def single(self, data: Step, ctx: JobContext) -> str:
        self._run(data)
        return data.name

    async def gather(self, data: Step, ctx: JobContext) -> list[str]:
        self._run(data)
        nested = await ctx.children_results(self.middle)
        return sorted([*await ctx.children_results(self.leaf), *(name for names in nested for name in names)])

    def _run(self, data: Step) -> None:
        self.order.append(data.name)
        if data.fails:
            raise NonRetryableError(f"{data.name} is broken")


@pytest.fixture
def steps(registry: JobRegistry) -> Steps:
    return Steps(registry)


async def test_three_levels_run_from_the_leaves_up_across_queues(
    client: JobClient, registry: JobRegistry, settings: Settings, steps: Steps
) -> None:
    triggered = await steps.parent.trigger_flow(
        Step(name="top"),
        [
            steps.middle.node(
                Step(name="mid"), children=[steps.leaf.node(Step(name="a")), steps.leaf.node(Step(name="b"))]
            ),
            steps.leaf.node(Step(name="c")),
        ],
        client=client,
    )
    assert await triggered.state() == "waiting-children"
    assert [child.queue for child in triggered.children] == ["mids", "leaves"]
    assert [leaf.job for leaf in triggered.children[0].children] == ["leaf", "leaf"]
    async with Crew(registry, settings):
        assert await triggered.result("10s") == ["a", "b", "c"]
        assert await triggered.children[0].children[0].result("10s") == "a"
    assert set(steps.order[:-2]) <= {"a", "b", "c"}
    assert steps.order[-1] == "top"


async def test_children_are_given_as_dictionaries_too(
    client: JobClient, registry: JobRegistry, settings: Settings, steps: Steps
) -> None:
    triggered = await steps.parent.trigger_flow(
        {"name": "top"},
        [{"job": steps.leaf, "data": {"name": "a"}}, {"job": steps.leaf, "data": {"name": "b"}}],
        client=client,
    )
    async with Crew(registry, settings):
        assert await triggered.result("10s") == ["a", "b"]


@pytest.mark.parametrize("policy", ["ignore", "remove", "continue"])
async def test_a_parent_outlives_a_child_whose_failure_it_does_not_mind(
    client: JobClient, registry: JobRegistry, settings: Settings, steps: Steps, policy: FailurePolicy
) -> None:
    bad = steps.middle.node(Step(name="bad", fails=True), children=[steps.leaf.node(Step(name="a"))], on_failure=policy)
    triggered = await steps.parent.trigger_flow(Step(name="top"), [bad], client=client)
    async with Crew(registry, settings):
        assert await triggered.result("10s") == []
        failures = await (await triggered.fetch()).getIgnoredChildrenFailures()
    assert steps.order == ["a", "bad", "top"]
    assert list(failures.values()) == ([] if policy == "remove" else ["bad is broken"])


async def test_by_default_a_childs_failure_fails_its_parents_up_to_the_root(
    client: JobClient, registry: JobRegistry, settings: Settings, steps: Steps
) -> None:
    triggered = await steps.parent.trigger_flow(
        Step(name="top"),
        [steps.middle.node(Step(name="mid"), children=[steps.leaf.node(Step(name="bad", fails=True))])],
        client=client,
    )
    async with Crew(registry, settings):
        with pytest.raises(JobFailedError, match="child"):
            await triggered.result("10s")
        with pytest.raises(JobFailedError, match="child"):
            await triggered.children[0].result("10s")
    assert steps.order == ["bad"]


async def test_a_wrong_payload_anywhere_in_the_tree_writes_nothing(
    client: JobClient, settings: Settings, redis: Redis, steps: Steps
) -> None:
    with pytest.raises(PayloadError, match="'leaf'"):
        await steps.parent.trigger_flow(
            Step(name="top"),
            [steps.middle.node(Step(name="mid"), children=[steps.leaf.node({"name": 7})])],
            client=client,
        )
    assert await keys_of(redis, settings) == []


async def test_a_node_that_would_strand_its_parent_is_refused(
    client: JobClient, settings: Settings, redis: Redis, steps: Steps
) -> None:
    with pytest.raises(FlowError, match="deduplication"):
        await steps.parent.trigger_flow(
            Step(name="top"), [steps.leaf.node(Step(name="a"), deduplication={"id": "a"})], client=client
        )
    assert await keys_of(redis, settings) == []


async def test_a_child_with_the_id_of_a_job_that_exists_is_refused(client: JobClient, steps: Steps) -> None:
    await steps.leaf.trigger(Step(name="a"), client=client, job_id="leaf-a")
    with pytest.raises(FlowError, match="exists already"):
        await steps.parent.trigger_flow(
            Step(name="top"), [steps.leaf.node(Step(name="a"), job_id="leaf-a")], client=client
        )


async def test_options_of_nodes_are_kept_delay_too(
    client: JobClient, registry: JobRegistry, settings: Settings, steps: Steps
) -> None:
    triggered = await steps.parent.trigger_flow(
        Step(name="top"), [steps.leaf.node(Step(name="late"), delay="300ms")], client=client
    )
    assert await triggered.children[0].state() == "delayed"
    async with Crew(registry, settings):
        assert await triggered.result("10s") == ["late"]


async def test_a_job_tells_of_its_dependencies(
    client: JobClient, registry: JobRegistry, settings: Settings, steps: Steps
) -> None:
    triggered = await steps.parent.trigger_flow(
        Step(name="top"), [steps.leaf.node(Step(name="a")), steps.leaf.node(Step(name="b"))], client=client
    )
    before = await (await triggered.fetch()).getDependencies()
    assert len(before["unprocessed"]) == 2
    async with Crew(registry, settings):
        await triggered.result("10s")
    parent = await triggered.fetch()
    assert sorted(map(str, (await parent.getDependencies())["processed"].values())) == ["a", "b"]
    assert await parent.getDependenciesCount() == {"processed": 2, "unprocessed": 0, "failed": 0, "ignored": 0}
