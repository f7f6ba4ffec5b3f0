"""A flow's parent has the typed results of its children, also of those that retention has removed meanwhile."""

from __future__ import annotations

import json

import pytest
from redis.asyncio import Redis

from midday_worker import (
    JobClient,
    JobContext,
    JobDefinition,
    JobFailedError,
    JobHandle,
    JobRegistry,
    Settings,
    SyncJobContext,
    job,
)
from midday_worker.engine.wire.options import OURS
from midday_worker.options import Retention
from tests.integration.crew import Crew
from tests.integration.stored_keys import keys_of


class Mix:
    """Two kinds of children on one queue, one on another, and a parent that tells them apart, on the loop or not."""

    def __init__(self, registry: JobRegistry) -> None:
        async def number(data: int, ctx: JobContext) -> int:
            return data

        async def word(data: str, ctx: JobContext) -> str:
            return data

        async def collect(data: None, ctx: JobContext) -> list[object]:
            return [*sorted(await ctx.children_results(self.number)), *await ctx.children_results(self.word)]

        def gather(data: None, ctx: SyncJobContext) -> list[object]:
            return [*sorted(ctx.children_results(self.number)), *ctx.children_results(self.word)]

        async def add_up(data: None, ctx: JobContext) -> list[object]:
            return [sum(await ctx.children_results(self.number))]

        self.number: JobDefinition[int, int] = job("number", int, number, queue="parts", registry=registry)
        self.word: JobDefinition[str, str] = job("word", str, word, queue="parts", registry=registry)
        self.far: JobDefinition[str, str] = job("far", str, word, queue="far", registry=registry)
        self.collect: JobDefinition[None, list[object]] = job("collect", None, collect, queue="tops", registry=registry)
        self.gather: JobDefinition[None, list[object]] = job("gather", None, gather, queue="tops", registry=registry)
        self.add_up: JobDefinition[None, list[object]] = job("add_up", None, add_up, queue="tops", registry=registry)


@pytest.fixture
def mix(registry: JobRegistry) -> Mix:
    return Mix(registry)


@pytest.mark.parametrize("parent", ["collect", "gather"])
async def test_results_are_typed_although_every_child_was_removed(
    client: JobClient, registry: JobRegistry, settings: Settings, redis: Redis, mix: Mix, parent: str
) -> None:
    """Also of children whose id was chosen; and what tells them goes with the parent."""
    top: JobDefinition[None, list[object]] = getattr(mix, parent)
    nodes = [
        mix.number.node(1, remove_on_complete=True),
        mix.number.node(2, remove_on_complete=True, job_id="chosen"),
        mix.number.node(3, remove_on_complete=True, on_failure="ignore"),
        mix.word.node("a", remove_on_complete=True),
    ]
    flow = await top.trigger_flow(None, nodes, client=client)
    async with Crew(registry, settings):
        assert await flow.result("20s") == [1, 2, 3, "a"]
    await flow.remove()
    ids = [each.id for each in (flow, *flow.children)]
    assert not [key for key in await keys_of(redis, settings) if any(job_id in key for job_id in ids)]


async def test_results_are_typed_although_the_age_of_retention_was_over_for_the_first_child(
    client: JobClient, registry: JobRegistry, settings: Settings, mix: Mix
) -> None:
    kept: Retention = {"count": 10_000, "age": "1s"}
    nodes = [mix.number.node(1, remove_on_complete=kept), mix.number.node(2, delay="2s", remove_on_complete=kept)]
    flow = await mix.add_up.trigger_flow(None, nodes, client=client)
    async with Crew(registry, settings):
        assert await flow.result("20s") == [3]


async def made_elsewhere(flow: JobHandle[list[object]], redis: Redis, settings: Settings) -> None:
    """Let a parent be as Node, or an older version of this library, writes it."""
    key = f"{settings.redis_prefix}:{flow.queue}:{flow.id}"
    options = json.loads(str(await redis.hget(key, "opts")))
    options.pop(OURS, None)
    await redis.hset(key, "opts", json.dumps(options))


@pytest.mark.parametrize("keep", [True, False])
async def test_of_a_flow_that_was_made_elsewhere_a_child_of_unknown_name_is_named_in_the_error(
    client: JobClient, registry: JobRegistry, settings: Settings, redis: Redis, mix: Mix, keep: bool
) -> None:
    nodes = [mix.number.node(1), mix.word.node("a", remove_on_complete=not keep)]
    flow = await mix.add_up.trigger_flow(None, nodes, client=client)
    await made_elsewhere(flow, redis, settings)
    async with Crew(registry, settings):
        if keep:
            assert await flow.result("20s") == [1]
        else:
            with pytest.raises(JobFailedError, match=f":parts:{flow.children[1].id}"):
                await flow.result("20s")


async def test_of_a_flow_that_was_made_elsewhere_a_child_of_another_queue_is_no_part_of_the_results(
    client: JobClient, registry: JobRegistry, settings: Settings, redis: Redis, mix: Mix
) -> None:
    flow = await mix.add_up.trigger_flow(
        None, [mix.number.node(1), mix.far.node("a", remove_on_complete=True)], client=client
    )
    await made_elsewhere(flow, redis, settings)
    async with Crew(registry, settings):
        assert await flow.result("20s") == [1]


async def test_a_parent_stays_small_however_many_children_it_has(
    client: JobClient, settings: Settings, redis: Redis, mix: Mix
) -> None:
    flow = await mix.add_up.trigger_flow(None, [mix.number.node(each) for each in range(2_000)], client=client)
    assert await redis.hstrlen(f"{settings.redis_prefix}:tops:{flow.id}", "opts") < 1_000
    assert len({child.id for child in flow.children}) == 2_000
