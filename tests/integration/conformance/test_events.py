"""Node's QueueEvents hears of a Python worker what it hears of Node's own; both wait for the other's results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

import pytest

from midday_worker import JobFailedError
from tests.deadline import eventually
from tests.integration.conformance.bridge import QUEUE, Bridge
from tests.integration.conformance.case import Add, Language
from tests.integration.conformance.node_peer import NodeRefusedError

HEARD: Final = [
    *("added", "waiting", "active", "progress", "completed", "failed", "delayed", "retries-exhausted", "removed"),
    *("paused", "resumed", "deduplicated", "duplicated", "waiting-children"),
]
JOBS: Final = (
    Add(tag="value", act={"do": "value", "value": {"é": [1, None]}}),
    Add(tag="steps", act={"do": "progress", "steps": [50, {"of": 3}]}),
    Add(
        tag="fails",
        act={"do": "fail", "message": "out of stock"},
        ours={"attempts": 2, "backoff": 40},
        theirs={"attempts": 2, "backoff": {"type": "fixed", "delay": 40}},
    ),
    Add(tag="later", act={}, ours={"delay": 60}, theirs={"delay": 60}),
    Add(tag="ordered", act={}, ours={"priority": 1}, theirs={"priority": 1}),
)
VARYING: Final = {"jobId", "delay"}
"""The id, and the moment until which a job is delayed."""


async def heard(bridge: Bridge, by: Language, queue: str) -> dict[str, list[Mapping[str, object]]]:
    """Let one language add and run the jobs; return the events that Node heard, by the job's tag."""
    await bridge.peer.ask("listen", queue)
    await bridge.peer.ask("hear", queue, events=HEARD)
    ids = {await bridge.add(by, add, queue): add.tag for add in JOBS}
    async with bridge.working(by, queue):
        await bridge.settled(queue)

    async def all_ended() -> bool:
        ends = [event for event in await events(bridge, queue) if event["event"] in ("completed", "failed")]
        return len(ends) == len(JOBS)

    await eventually(all_ended, "Node has heard of every job's end")
    found: dict[str, list[Mapping[str, object]]] = {tag: [] for tag in ids.values()}
    for event in await events(bridge, queue):
        plain = {key: value for key, value in event.items() if key not in VARYING}
        found[ids[str(event["jobId"])]].append(plain)
    return found


async def events(bridge: Bridge, queue: str) -> list[dict[str, object]]:
    return cast("list[dict[str, object]]", await bridge.peer.ask("heard", queue))


async def test_node_hears_of_python_what_it_hears_of_node(bridge: Bridge) -> None:
    ours, theirs = await heard(bridge, "python", "by python"), await heard(bridge, "node", "by node")
    assert [event["event"] for event in theirs["fails"]].count("active") == 2
    assert ours == theirs


async def test_node_waits_for_a_python_workers_results(bridge: Bridge) -> None:
    await bridge.peer.ask("listen", QUEUE)
    good = await bridge.add("node", Add(tag="a", act={"do": "value", "value": {"é": 1}}))
    bad = await bridge.add("python", Add(tag="b", act={"do": "fail", "message": "out of é"}))
    async with bridge.working("python"):
        assert await bridge.peer.ask("finished", QUEUE, job=good) == {"value": {"é": 1}}
        with pytest.raises(NodeRefusedError, match="out of é"):
            await bridge.peer.ask("finished", QUEUE, job=bad)


async def test_python_waits_for_a_node_workers_results(bridge: Bridge) -> None:
    definition = bridge.definition()
    good = await definition.trigger({"do": "value", "value": {"é": 1}}, client=bridge.client)
    bad = await definition.trigger({"do": "fail", "message": "out of é"}, client=bridge.client)
    async with bridge.working("node"):
        assert await good.result("20s") == {"é": 1}
        with pytest.raises(JobFailedError, match="out of é") as failed:
            await bad.result("20s")
    assert failed.value.attempts == 1
    assert failed.value.stacktrace[0].startswith("Error: out of é")
