"""Workers of both languages on one queue: its limits hold for all of them together."""

from __future__ import annotations

from collections import Counter
from typing import Final

import pytest

from midday_worker.admin import list_workers
from midday_worker.engine.worker.config import WorkerConfig
from tests.deadline import eventually
from tests.integration.conformance.bridge import QUEUE, Bridge
from tests.integration.conformance.case import Add, Language

BOTH_WAYS: Final = pytest.mark.parametrize(("first", "second"), [("python", "node"), ("node", "python")])
MANY: Final = 12
PER_MS: Final = 400


async def add_many(bridge: Bridge, by: Language, **act: object) -> set[str]:
    return {await bridge.add(by, Add(tag=str(number), act=act)) for number in range(MANY)}


def most_at_once(times: list[tuple[int, int]]) -> int:
    """Return how many of the spans [start, end) overlap at most."""
    changes = sorted([(start, 1) for start, _ in times] + [(end, -1) for _, end in times])
    running = most = 0
    for _, change in changes:
        running += change
        most = max(most, running)
    return most


@BOTH_WAYS
async def test_global_concurrency_holds_for_mixed_workers(first: Language, second: Language, bridge: Bridge) -> None:
    if first == "node":
        await bridge.peer.queue(QUEUE, "setGlobalConcurrency", 2)
    else:
        await bridge.client.queue(QUEUE).setGlobalConcurrency(2)
    assert await bridge.client.queue(QUEUE).getGlobalConcurrency() == 2
    assert await bridge.peer.queue(QUEUE, "getGlobalConcurrency") == 2
    ids = await add_many(bridge, second, ms=15)
    async with bridge.working("python", concurrency=4), bridge.working("node", concurrency=4):
        await bridge.settled()
    started, ended = await bridge.runs(), {run.job: run.at for run in await bridge.runs("ended")}
    assert Counter(run.job for run in started) == Counter(ids)
    assert most_at_once([(run.at, ended[run.job]) for run in started]) <= 2


async def test_both_take_part_in_one_queue(bridge: Bridge) -> None:
    ids = await add_many(bridge, "python", do="hold")
    async with bridge.working("python"), bridge.working("node"):

        async def both_hold() -> bool:
            return {run.by for run in await bridge.runs()} == {"python", "node"}

        await eventually(both_hold, "a worker of each language has a job")
        await bridge.open_gate()
        await bridge.settled()
    assert Counter(run.job for run in await bridge.runs()) == Counter(ids)


LIMITED: Final = WorkerConfig(queue=QUEUE, concurrency=4, rate_limit=(2, PER_MS))


async def check_pace(bridge: Bridge) -> None:
    starts = sorted(run.at for run in await bridge.runs())
    assert len(starts) == 6
    # A window begins with its first job, and the ledger is written a moment after the job was taken.
    assert starts[2] - starts[0] >= PER_MS * 0.75
    assert starts[4] - starts[2] >= PER_MS * 0.75


async def test_a_limit_is_shared_by_workers_of_both_languages(bridge: Bridge) -> None:
    for number in range(6):
        await bridge.add("python", Add(tag=str(number)))
    limiter = {"max": 2, "duration": PER_MS}
    await bridge.peer.work(QUEUE, concurrency=4, limiter=limiter)
    async with bridge.working("python", config=LIMITED):
        await bridge.settled()
    await check_pace(bridge)


@BOTH_WAYS
async def test_a_global_limit_set_by_one_is_kept_by_the_other(
    first: Language, second: Language, bridge: Bridge
) -> None:
    if first == "node":
        await bridge.peer.queue(QUEUE, "setGlobalRateLimit", 2, PER_MS)
    else:
        await bridge.client.queue(QUEUE).setGlobalRateLimit(2, PER_MS)
    for number in range(6):
        await bridge.add(first, Add(tag=str(number)))
    async with bridge.working(second, concurrency=4):
        await bridge.settled()
    await check_pace(bridge)


async def test_both_list_the_workers_of_both(bridge: Bridge) -> None:
    await bridge.peer.work(QUEUE, name="pod-7")
    async with bridge.working("python"):

        async def names() -> list[str]:
            found = await list_workers(bridge.client.queue(QUEUE))
            return sorted(worker.name or "unnamed" for worker in found or ())

        async def both() -> bool:
            return await names() == ["pod-7", "unnamed"]

        await eventually(both, "both workers are listed")
        theirs = await bridge.peer.queue(QUEUE, "getWorkersCount")
        elsewhere = await list_workers(bridge.client.queue("elsewhere"))
    assert theirs == 2
    assert elsewhere == []


async def test_workers_of_the_raw_port_are_listed_too(bridge: Bridge) -> None:
    await bridge.redis.client_setname(f"{bridge.settings.redis_prefix}:plain")  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
    found = await list_workers(bridge.client.queue("plain"))
    assert [worker.name for worker in found or ()] == [None]
