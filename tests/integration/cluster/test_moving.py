"""Slots that move and nodes that are replaced while jobs run: nothing is lost, and nothing repeated."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import pytest
from redis.crc import key_slot

from midday_worker import (
    JobClient,
    JobContext,
    JobDefinition,
    JobFailedError,
    JobHandle,
    JobRegistry,
    RedisUnavailableError,
    Settings,
    job,
)
from midday_worker.engine.worker.config import WorkerConfig
from tests.deadline import eventually
from tests.integration.crew import Crew
from tests.redis_cluster import RedisCluster, until

WITHIN_S: Final = 60.0


@dataclass(slots=True)
class Work:
    """What ran, and a job that holds until it may end."""

    runs: Counter[int] = field(default_factory=lambda: Counter[int]())
    may_end: asyncio.Event = field(default_factory=asyncio.Event)
    holding: set[int] = field(default_factory=lambda: set[int]())

    async def count(self, data: int, ctx: JobContext) -> int:
        self.runs[data] += 1
        await ctx.update_progress(50)
        return data * 2

    async def hold(self, data: int, ctx: JobContext) -> int:
        self.runs[data] += 1
        self.holding.add(data)
        await self.may_end.wait()
        return data * 2


def move(cluster: RedisCluster, prefix: str) -> None:
    """Move the slot of a prefix to another node, and back."""
    for _ in range(2):
        cluster.move(key_slot(prefix.encode()), cluster.other_than(cluster.node_of(prefix)))


def move_slowly(cluster: RedisCluster, prefix: str) -> None:
    """Move the slot, which takes longer than a command may."""
    cluster.move(key_slot(prefix.encode()), cluster.other_than(cluster.node_of(prefix)), lambda: time.sleep(3))


def die(cluster: RedisCluster, prefix: str) -> None:
    """Let the prefix's primary die. What it has acknowledged is copied before, as no producer is at work."""
    node = cluster.node_of(prefix)
    replica = cluster.replica_of(node)
    node.ask("WAIT", 1, 5_000)
    node.kill()
    until(lambda: replica.is_primary, "the replica has taken over")


def take_over(cluster: RedisCluster, prefix: str) -> None:
    """Let the replica of the prefix's primary take over; connections to the old one stay open."""
    cluster.fail_over(cluster.node_of(prefix))


@pytest.mark.parametrize("change", [move, take_over, move_slowly], ids=["a slot moves", "a replica takes over", "slow"])
async def test_jobs_go_on_elsewhere(
    cluster: RedisCluster, settings: Settings, registry: JobRegistry, change: Callable[[RedisCluster, str], None]
) -> None:
    """Producers of every kind, fetches, results, progress, locks and a cancellation, across the change."""
    work = Work()
    count = job("count", int, work.count, registry=registry)
    hold = job("hold", int, work.hold, registry=registry, attempts=1)
    config = WorkerConfig(queue="default", concurrency=8, lock_duration_ms=8_000)
    async with Crew(registry, settings, configs=(config,)), JobClient(settings) as client:
        held = [await hold.trigger(n, client=client) for n in (-1, -2)]
        stopped = await hold.trigger(-3, client=client)
        await eventually(lambda: done(work.holding == {-1, -2, -3}), "the handlers run", WITHIN_S)
        results = [asyncio.create_task(handle.result()) for handle in held]
        changed = asyncio.Event()
        producing = asyncio.create_task(produce(count, client, changed))
        await asyncio.to_thread(change, cluster, settings.redis_prefix)
        changed.set()
        async with asyncio.timeout(WITHIN_S):
            await stopped.cancel("enough")
            with pytest.raises(JobFailedError, match="enough"):
                await stopped.result()
            work.may_end.set()
            assert await asyncio.gather(*results) == [-2, -4]
            produced = await producing
            assert await asyncio.gather(*(handle.result() for handle in produced.values())) == [2 * n for n in produced]
    assert {n: runs for n, runs in work.runs.items() if runs != 1} == {}


async def test_jobs_go_on_while_a_slot_moves_as_one(
    cluster: RedisCluster, settings: Settings, registry: JobRegistry
) -> None:
    """With as many keys as would take a move one by one longer than a command may take."""
    work = Work()
    count = job("count", int, work.count, registry=registry)
    slot = key_slot(settings.redis_prefix.encode())
    async with Crew(registry, settings), JobClient(settings) as client:
        later = await count.batch_trigger(
            [{"payload": -n, "options": {"delay": "1h"}} for n in range(2_000)], client=client
        )
        changed = asyncio.Event()
        producing = asyncio.create_task(produce(count, client, changed))
        for _ in range(2):
            target = cluster.other_than(cluster.holder(slot))
            if not await asyncio.to_thread(cluster.move_whole, slot, target):
                producing.cancel()
                pytest.skip("this server moves slots key by key")
        changed.set()
        async with asyncio.timeout(WITHIN_S):
            produced = await producing
            assert await asyncio.gather(*(handle.result() for handle in produced.values())) == [2 * n for n in produced]
        assert await later[-1].state() == "delayed"
    assert {n: runs for n, runs in work.runs.items() if runs != 1} == {}


async def done(what: bool) -> bool:
    return what


async def produce(
    count: JobDefinition[int, int], client: JobClient, changed: asyncio.Event
) -> dict[int, JobHandle[int]]:
    """Trigger jobs while something changes, and some more: alone, as batches and as flows."""
    handles: dict[int, JobHandle[int]] = {}
    n = last = 0
    while n < last + 50 or not changed.is_set():
        if not changed.is_set():
            last = n
        handles[n] = await count.trigger(n, client=client)
        batch = await count.batch_trigger([{"payload": n + 1}, {"payload": n + 2}], client=client)
        handles.update(zip((n + 1, n + 2), batch, strict=True))
        handles[n + 3] = await count.trigger_flow(n + 3, [count.node(n + 4)], client=client)
        # Whose scripts are called with keys that are all there by now, and use others.
        handles[n + 5] = await count.trigger(n + 5, client=client, delay="10ms")
        handles[n + 6] = await count.trigger(n + 6, client=client, priority=2)
        n += 7
    return handles


async def test_jobs_survive_the_death_of_a_primary(
    cluster: RedisCluster, settings: Settings, registry: JobRegistry
) -> None:
    """What has been copied is worked by the replica that takes over, and no running job runs again."""
    work = Work()
    count = job("count", int, work.count, registry=registry)
    hold = job("hold", int, work.hold, registry=registry, attempts=1)
    config = WorkerConfig(queue="default", concurrency=2, lock_duration_ms=20_000)
    async with Crew(registry, settings, configs=(config,)), JobClient(settings) as client:
        held = await hold.trigger(-1, client=client)
        await eventually(lambda: done(work.holding == {-1}), "the handler runs", WITHIN_S)
        result = asyncio.create_task(held.result())
        later = await count.trigger(1, client=client, delay="1s")
        await asyncio.to_thread(die, cluster, settings.redis_prefix)
        async with asyncio.timeout(WITHIN_S):
            handle = await until_added(count, 2, client)
            assert await handle.result() == 4
            assert await later.result() == 2
            work.may_end.set()
            assert await result == -2
    assert set(work.runs.values()) == {1}


async def until_added(count: JobDefinition[int, int], n: int, client: JobClient) -> JobHandle[int]:
    """Trigger a job, again while Redis is away."""
    while True:
        try:
            return await count.trigger(n, client=client, job_id="one")
        except RedisUnavailableError:
            await asyncio.sleep(0.1)


async def test_a_script_is_refused_as_a_whole_while_its_slot_moves(
    cluster: RedisCluster, settings: Settings, registry: JobRegistry
) -> None:
    """Also one all of whose own keys are there: it uses a job's, which it isn't called with."""
    count = job("count", int, Work().count, registry=registry)
    prefix = settings.redis_prefix
    source, slot = cluster.node_of(prefix), key_slot(prefix.encode())
    target = cluster.other_than(source)
    async with JobClient(settings) as client:
        await count.trigger(0, delay="1h", client=client)
        source.ask("ZADD", client.queue("default").keys["completed"], 1, "another")
        source.ask("CONFIG", "RESETSTAT")
        cluster.begin_move(slot, source, target)
        adding = asyncio.create_task(count.trigger(1, delay="1h", client=client))

        async def is_refused() -> bool:
            return adding.done() or "errorstat_TRYAGAIN" in str(source.ask("INFO", "errorstats"))

        await eventually(is_refused, "the node refuses it", WITHIN_S)
        await asyncio.to_thread(cluster.move, slot, target)
        assert await (await adding).state() == "delayed"


async def test_a_lock_is_renewed_while_its_slot_moves_for_longer_than_it_lasts(
    cluster: RedisCluster, settings: Settings, registry: JobRegistry
) -> None:
    """Wherever it is: some are at the old node still, others at the new one. No job runs again."""
    work = Work()
    hold = job("hold", int, work.hold, registry=registry, attempts=1)
    config = WorkerConfig(queue="default", concurrency=4, lock_duration_ms=1_000, stalled_interval_ms=300)
    async with Crew(registry, settings, configs=(config,)), JobClient(settings) as client:
        handles = await hold.batch_trigger([{"payload": n} for n in range(4)], client=client)
        await eventually(lambda: done(len(work.holding) == 4), "the handlers run", WITHIN_S)
        await asyncio.to_thread(move_slowly, cluster, settings.redis_prefix)
        work.may_end.set()
        async with asyncio.timeout(WITHIN_S):
            assert await asyncio.gather(*(handle.result() for handle in handles)) == [0, 2, 4, 6]
    assert work.runs == Counter(range(4))
