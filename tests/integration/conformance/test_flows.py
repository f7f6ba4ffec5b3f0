"""Flows of three levels whose parents and children run in different languages, with every failure policy."""

from __future__ import annotations

from typing import Final, cast

import pytest

from midday_worker import FailurePolicy, JobHandle
from midday_worker.request import JobRequest
from tests.integration.conformance.bridge import Bridge
from tests.integration.conformance.case import Language
from tests.integration.conformance.flow_case import LOWER, MESSAGE, OUTCOMES, UPPER, Node, tree

WAYS: Final[list[tuple[Language, Language, Language]]] = [
    ("python", "python", "node"),
    ("python", "node", "python"),
    ("node", "python", "node"),
    ("node", "node", "python"),
    ("node", "node", "node"),
]
"""Who adds, who works the root and the leaves, who works the middle; Node alone is the measure."""


@pytest.mark.parametrize(("adds", "upper", "lower"), WAYS)
@pytest.mark.parametrize(("policy", "bad"), OUTCOMES)
async def test_a_flow_ends_the_same_whoever_adds_and_runs_its_levels(
    adds: Language, upper: Language, lower: Language, policy: FailurePolicy, bad: str, bridge: Bridge
) -> None:
    root_id, middle_id = await add_flow(bridge, adds, tree(policy, bad))
    async with bridge.working(upper, UPPER), bridge.working(lower, LOWER):
        await bridge.settled(UPPER, LOWER)
    expected = OUTCOMES[policy, bad]
    for by in ("python", "node"):
        (middle,), (root,) = await bridge.views(by, [middle_id], LOWER), await bridge.views(by, [root_id], UPPER)
        for view, value in ((middle, expected.middle), (root, expected.root)):
            assert (view["state"], view["value"]) == ("completed" if value else "failed", value), f"read in {by}"
        assert middle["reason"] == (MESSAGE if bad == "middle" else middle["reason"])
        if expected.root is None:
            assert str(root["reason"]).startswith("child "), f"read in {by}"
    await check_dependencies(bridge, root_id, UPPER)
    await check_dependencies(bridge, middle_id, LOWER)


async def add_flow(bridge: Bridge, by: Language, root: Node) -> tuple[str, str]:
    """Add a flow; return the ids of its root and of its middle."""
    if by == "node":
        added = cast("dict[str, object]", await bridge.peer.ask("flow", args=[root.in_bullmq()]))
        (middle,) = cast("list[dict[str, str]]", added["children"])
        return str(added["id"]), middle["id"]
    handle: JobHandle[object] = await bridge.definition(root.queue).trigger_flow(
        root.act, [request(bridge, child) for child in root.children], client=bridge.client
    )
    return handle.id, handle.children[0].id


def request(bridge: Bridge, node: Node) -> JobRequest:
    children = [request(bridge, child) for child in node.children]
    return bridge.definition(node.queue).node(node.act, children=children, on_failure=node.on_failure)


async def check_dependencies(bridge: Bridge, job_id: str, queue: str) -> None:
    """Both languages read the same of the parent's children."""
    job = await bridge.client.find(queue, job_id)
    assert job is not None
    assert await job.getChildrenValues() == await bridge.peer.job(queue, job_id, "getChildrenValues")
    ignored = await bridge.peer.job(queue, job_id, "getIgnoredChildrenFailures")
    assert await job.getIgnoredChildrenFailures() == ignored
    assert dict(await job.getDependenciesCount()) == await bridge.peer.job(queue, job_id, "getDependenciesCount")
    theirs = cast("dict[str, object]", await bridge.peer.job(queue, job_id, "getDependencies"))
    ours = {key: value for key, value in (await job.getDependencies()).items() if value or key in theirs}
    assert {key: ours.get(key) for key in theirs} == theirs
