"""A parent that a child's failure lets continue, while other children are pending."""

from __future__ import annotations

import asyncio

from midday_worker import JobClient, JobContext, JobRegistry, NonRetryableError, Settings, job
from tests.integration.crew import Crew


async def test_a_parent_continues_and_completes_while_a_sibling_runs(
    settings: Settings, client: JobClient, registry: JobRegistry
) -> None:
    """It completes at its first attempt, and the sibling runs on by itself."""
    runs: list[str] = []
    parent_has_ended = asyncio.Event()

    @job("bad", registry=registry)
    async def bad(data: str, ctx: JobContext) -> str:
        raise NonRetryableError(data)

    @job("slow", registry=registry)
    async def slow(data: str, ctx: JobContext) -> str:
        await asyncio.wait_for(parent_has_ended.wait(), 10)
        return data

    @job("parent", registry=registry)
    async def parent(data: str, ctx: JobContext) -> int:
        runs.append(data)
        return len(await ctx.job.getIgnoredChildrenFailures())

    async with Crew(registry, settings):
        flow = await parent.trigger_flow(
            "once", [slow.node("sibling"), bad.node("broken", on_failure="continue")], client=client
        )
        assert await flow.result(timeout="10s") == 1
        parent_has_ended.set()
        assert await flow.children[0].result(timeout="10s") == "sibling"
    assert runs == ["once"]


async def test_a_handler_can_remove_the_children_that_have_not_started(
    settings: Settings, client: JobClient, registry: JobRegistry
) -> None:
    """As Node's `removeUnprocessedChildren`: the delayed sibling is gone."""

    @job("bad", registry=registry)
    async def bad(data: str, ctx: JobContext) -> str:
        raise NonRetryableError(data)

    @job("later", registry=registry)
    async def later(data: str, ctx: JobContext) -> str:
        return data

    @job("parent", registry=registry)
    async def parent(data: str, ctx: JobContext) -> str:
        await ctx.job.removeUnprocessedChildren()
        return data

    async with Crew(registry, settings):
        flow = await parent.trigger_flow(
            "up", [later.node("never", delay="1h"), bad.node("broken", on_failure="continue")], client=client
        )
        assert await flow.result(timeout="10s") == "up"
        assert await flow.children[0].state() == "unknown"
