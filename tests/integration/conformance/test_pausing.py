"""Pausing and resuming a queue from either language, and what BullMQ 5 does otherwise than 6 and the Python port."""

from __future__ import annotations

from typing import Final

import pytest

from midday_worker.admin import count_jobs
from tests.integration.conformance.bridge import QUEUE, Bridge
from tests.integration.conformance.case import Add, Language

BOTH_WAYS: Final = pytest.mark.parametrize(("first", "second"), [("python", "node"), ("node", "python")])


async def pause(bridge: Bridge, by: Language) -> None:
    await (bridge.peer.queue(QUEUE, "pause") if by == "node" else bridge.client.queue(QUEUE).pause())


async def resume(bridge: Bridge, by: Language) -> None:
    await (bridge.peer.queue(QUEUE, "resume") if by == "node" else bridge.client.queue(QUEUE).resume())


async def paused(bridge: Bridge) -> tuple[object, object]:
    return await bridge.client.queue(QUEUE).isPaused(), await bridge.peer.queue(QUEUE, "isPaused")


@BOTH_WAYS
async def test_what_one_pauses_the_other_does_not_run_until_it_is_resumed(
    first: Language, second: Language, bridge: Bridge
) -> None:
    async with bridge.working(second), bridge.working(second, "elsewhere"):
        await bridge.add(first, Add(tag="before"))
        await bridge.settled()
        await pause(bridge, first)
        assert await paused(bridge) == (True, True)
        held = await bridge.add(second, Add(tag="held"))
        for number in range(20):  # far more than a worker would need to find the held job
            await bridge.add(first, Add(tag=f"elsewhere {number}"), "elsewhere")
            await bridge.settled("elsewhere")
        assert held not in {run.job for run in await bridge.runs()}
        await resume(bridge, second)
        await bridge.settled()
    assert await paused(bridge) == (False, False)
    assert held in {run.job for run in await bridge.runs()}


@BOTH_WAYS
async def test_where_a_job_waits_in_a_paused_queue(
    first: Language, second: Language, bridge: Bridge, major: int
) -> None:
    await pause(bridge, second)
    job_id = await bridge.add(first, Add(tag="a"))
    counts = await count_jobs(bridge.client.queue(QUEUE))
    assert await bridge.peer.queue(QUEUE, "getJobCounts", "waiting", "paused") == (
        {"waiting": counts["waiting"], "paused": counts["paused"]}
    )
    (ours,), (theirs,) = await bridge.views("python", [job_id]), await bridge.views("node", [job_id])
    # Node 5 puts its jobs on a list of their own, which later ones only empty.
    apart = major == 5 and first == "node"
    assert counts["paused" if apart else "waiting"] == 1
    assert (ours["state"], theirs["state"]) == ("waiting", "waiting")


@pytest.mark.parametrize("resumes", ["python", "node"])
async def test_only_node_5_loses_what_others_add_while_it_has_paused(
    resumes: Language, bridge: Bridge, major: int
) -> None:
    before = await bridge.add("python", Add(tag="before"))
    await pause(bridge, "node")
    during = await bridge.add("python", Add(tag="during"))
    await resume(bridge, resumes)
    async with bridge.working("python"):
        await bridge.settled()
    # Its resume puts the list of the paused jobs in the place of that of the waiting ones: docs/engine.md.
    lost = major == 5 and resumes == "node"
    assert {run.job for run in await bridge.runs()} == ({before} if lost else {before, during})
