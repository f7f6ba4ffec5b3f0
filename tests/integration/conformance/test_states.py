"""Every state, read by both languages; and what one language does to a job, seen by the other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, cast

import pytest

from midday_worker.admin import count_jobs, read_jobs
from midday_worker.engine.job.job import Job
from tests.deadline import eventually
from tests.integration.conformance.bridge import QUEUE, Bridge
from tests.integration.conformance.case import Add, Language

HOUR_MS: Final = 3_600_000
STATES: Final[Mapping[str, Add]] = {
    "waiting": Add(tag="a"),
    "prioritized": Add(tag="a", ours={"priority": 3}, theirs={"priority": 3}),
    "delayed": Add(tag="a", ours={"delay": HOUR_MS}, theirs={"delay": HOUR_MS}),
    "active": Add(tag="a", act={"do": "hold"}),
    "completed": Add(tag="a"),
    "failed": Add(tag="a", act={"do": "fail", "message": "no"}),
}
WORKED: Final = {"active", "completed", "failed"}
"""The states that a job gets into by a worker."""

BOTH_WAYS: Final = pytest.mark.parametrize(("first", "second"), [("python", "node"), ("node", "python")])


async def seen(bridge: Bridge, by: Language, state: str) -> tuple[dict[str, int], list[str]]:
    """Return how many jobs are in each state, and the ids of those in `state`, as one language reads them."""
    if by == "python":
        queue = bridge.client.queue(QUEUE)
        return await count_jobs(queue), [job.id for job in await read_jobs(queue, [state])]
    counts = cast("dict[str, int]", await bridge.peer.queue(QUEUE, "getJobCounts"))
    jobs = cast("list[dict[str, str]]", await bridge.peer.queue(QUEUE, "getJobs", [state]))
    return counts, [job["id"] for job in jobs]


@BOTH_WAYS
@pytest.mark.parametrize("state", STATES)
async def test_each_state_is_read_by_both(state: str, first: Language, second: Language, bridge: Bridge) -> None:
    job_id = await bridge.add(first, STATES[state])
    if state not in WORKED:
        await check_state(bridge, job_id, state)
        return
    async with bridge.working(second):

        async def reached() -> bool:
            return await bridge.client.state(QUEUE, job_id) == state

        await eventually(reached, f"the job is {state}")
        await check_state(bridge, job_id, state)
        await bridge.open_gate()


async def check_state(bridge: Bridge, job_id: str, state: str) -> None:
    ours, theirs = await seen(bridge, "python", state), await seen(bridge, "node", state)
    assert ours[1] == theirs[1] == [job_id]
    assert {name: count for name, count in ours[0].items() if count} == {state: 1}
    assert {name: count for name, count in theirs[0].items() if count} == {state: 1}
    for by in ("python", "node"):
        (view,) = await bridge.views(by, [job_id])
        assert view["state"] == state, f"read in {by}"


async def own(bridge: Bridge, job_id: str) -> Job:
    job = await bridge.client.find(QUEUE, job_id)
    assert job is not None
    return job


Act = Callable[[Job], Awaitable[object]]
ACTS: Final[Mapping[str, tuple[str, Act, tuple[str, tuple[object, ...]], Mapping[str, object]]]] = {
    "promote": ("delayed", lambda job: job.promote(), ("promote", ()), {"state": "waiting", "delay": 0}),
    "change delay": (
        "delayed",
        lambda job: job.changeDelay(60_000),
        ("changeDelay", (60_000,)),
        {"state": "delayed", "delay": 60_000},
    ),
    "change priority": (
        "waiting",
        lambda job: job.changePriority({"priority": 5}),
        ("changePriority", ({"priority": 5},)),
        {"state": "prioritized", "priority": 5},
    ),
    "update data": (
        "waiting",
        lambda job: job.updateData({"tag": "é"}),
        ("updateData", ({"tag": "é"},)),
        {"state": "waiting", "data": {"tag": "é"}},
    ),
    "update progress": (
        "waiting",
        lambda job: job.updateProgress({"done": 1}),
        ("updateProgress", ({"done": 1},)),
        {"progress": {"done": 1}},
    ),
    "log": ("waiting", lambda job: job.log("é"), ("log", ("é",)), {"logs": ["é"]}),
    "remove": ("waiting", lambda job: job.remove(), ("remove", ()), {"state": "unknown"}),
    "retry what failed": ("failed", lambda job: job.retry(), ("retry", ()), {"state": "waiting", "reason": None}),
    "retry what completed": (
        "completed",
        lambda job: job.retry("completed"),
        ("retry", ("completed",)),
        {"state": "waiting", "value": None},
    ),
}


@BOTH_WAYS
@pytest.mark.parametrize("act", ACTS)
async def test_what_one_does_to_a_job_the_other_reads(
    act: str, first: Language, second: Language, bridge: Bridge
) -> None:
    state, python, (method, arguments), expected = ACTS[act]
    job_id = await bridge.add(first, STATES[state])
    if state in ("completed", "failed"):
        async with bridge.working(first):
            await bridge.settled()
        await bridge.peer.close()  # what is retried shall wait
    if second == "python":
        await python(await own(bridge, job_id))
    else:
        await bridge.peer.job(QUEUE, job_id, method, *arguments)
    for by in ("python", "node"):
        (view,) = await bridge.views(by, [job_id])
        assert {key: view.get(key) for key in expected} == expected, f"read in {by}"
