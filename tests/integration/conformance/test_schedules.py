"""Schedules made in one language, read by both, and advanced by a worker of the other."""

from __future__ import annotations

from itertools import pairwise
from typing import Final, cast

import pytest

from midday_worker.engine.producer.schedule import Schedule
from tests.deadline import eventually
from tests.integration.conformance.actor import NAME
from tests.integration.conformance.bridge import QUEUE, Bridge
from tests.integration.conformance.case import Language

ID: Final = "invoices é"
DATA: Final = {"do": "value", "value": "é"}
BOTH_WAYS: Final = pytest.mark.parametrize(("maker", "advancer"), [("python", "node"), ("node", "python")])


async def make(
    bridge: Bridge,
    by: Language,
    *,
    pattern: str | None = None,
    tz: str | None = None,
    every: int | None = None,
    limit: int | None = None,
) -> None:
    if by == "python":
        await bridge.definition().trigger_recurring(
            DATA, pattern, tz=tz, every=every, limit=limit, schedule_id=ID, client=bridge.client
        )
        return
    wire = {"pattern": pattern, "tz": tz, "every": every, "limit": limit}
    repeat = {key: value for key, value in wire.items() if value is not None}
    await bridge.peer.queue(QUEUE, "upsertJobScheduler", ID, repeat, {"name": NAME, "data": DATA})


async def read(bridge: Bridge) -> tuple[Schedule, dict[str, object]]:
    """Return the schedule as each language reads it, once it is still."""
    ours = await bridge.client.find_schedule(QUEUE, ID)
    theirs = await bridge.peer.queue(QUEUE, "getJobScheduler", ID)
    assert ours is not None
    return ours, cast("dict[str, object]", theirs)


async def check_reads(bridge: Bridge) -> Schedule:
    ours, theirs = await read(bridge)
    assert (ours.id, ours.job, ours.next_run_ms) == (theirs["key"], theirs["name"], theirs["next"])
    assert (ours.pattern, ours.tz) == (theirs.get("pattern"), theirs.get("tz"))
    assert (ours.every_ms, ours.limit) == (theirs.get("every"), theirs.get("limit"))
    assert ours.iterations == (theirs.get("iterationCount") or 0)
    assert ours.data == cast("dict[str, object]", theirs["template"])["data"]
    return ours


@BOTH_WAYS
async def test_what_one_schedules_every_so_often_the_other_advances_to_its_limit(
    maker: Language, advancer: Language, bridge: Bridge
) -> None:
    await make(bridge, maker, every=150, limit=4)
    await check_reads(bridge)
    async with bridge.working(advancer):
        await bridge.settled()
    fired = [int(run.job.rpartition(":")[2]) for run in await bridge.runs()]
    assert len(fired) == 4
    assert {(after - before) % 150 for before, after in pairwise(fired)} == {0}
    assert all(before < after for before, after in pairwise(fired))
    assert (await check_reads(bridge)).iterations == 4


@BOTH_WAYS
async def test_what_one_schedules_by_cron_the_other_advances(
    maker: Language, advancer: Language, bridge: Bridge
) -> None:
    await make(bridge, maker, pattern="* * * * * *", tz="Europe/Stockholm")
    async with bridge.working(advancer):

        async def twice() -> bool:
            return len(await bridge.runs("ended")) >= 2

        await eventually(twice, "it has fired twice")
        assert await bridge.client.remove_schedule(QUEUE, ID)
        await bridge.settled()
    fired = [int(run.job.rpartition(":")[2]) for run in await bridge.runs()]
    assert {moment % 1000 for moment in fired} == {0}


@BOTH_WAYS
@pytest.mark.parametrize(
    ("pattern", "tz"),
    [("30 2 * * *", "Europe/Stockholm"), ("0 9 * * MON-FRI", "America/New_York"), ("0 12 * * 5L", "UTC")],
)
async def test_both_make_the_same_schedule(
    maker: Language, advancer: Language, pattern: str, tz: str, bridge: Bridge
) -> None:
    await make(bridge, maker, pattern=pattern, tz=tz)
    first = await check_reads(bridge)
    await make(bridge, advancer, pattern=pattern, tz=tz)  # the same id: it takes the other's place
    second = await check_reads(bridge)
    assert first.next_run_ms == second.next_run_ms
    assert await bridge.peer.queue(QUEUE, "getJobSchedulersCount") == 1
    (job,) = await bridge.peer.views(QUEUE, [f"repeat:{ID}:{first.next_run_ms}"])
    assert (job["state"], job["data"]) == ("delayed", DATA)


@pytest.mark.parametrize("remover", ["python", "node"])
async def test_what_one_schedules_the_other_removes(remover: Language, bridge: Bridge) -> None:
    await make(bridge, "node" if remover == "python" else "python", pattern="0 0 1 1 *", tz="UTC")
    if remover == "python":
        assert await bridge.client.remove_schedule(QUEUE, ID)
    else:
        assert await bridge.peer.queue(QUEUE, "removeJobScheduler", ID) is True
    assert await bridge.client.find_schedule(QUEUE, ID) is None
    assert await bridge.peer.queue(QUEUE, "getJobScheduler", ID) is None
    await bridge.settled()
