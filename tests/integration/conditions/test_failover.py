"""A failover behind a load balancer: the old primary is demoted, and connections to it stay open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Final, cast

import pytest

from midday_worker import (
    JobClient,
    JobContext,
    JobFailedError,
    JobRegistry,
    RedisRefusedError,
    RedisUnavailableError,
    Settings,
    job,
)
from midday_worker.engine.redis.connection import RedisConfig, connect
from midday_worker.engine.worker.config import WorkerConfig
from midday_worker.testing import RedisServer
from tests.deadline import eventually
from tests.integration.conditions.ailment import send
from tests.integration.crew import Crew
from tests.redis_proxy import RedisProxy

WITHIN_S: Final = 20.0
"""The longest pause between two tries is 2 s."""


class Balancer(RedisProxy):
    """Leads new connections to the primary of the hour; what is connected stays where it is."""

    def lead_to(self, server: RedisServer) -> None:
        """Lead new connections there."""
        self._server = server


@dataclass(slots=True)
class Pair:
    """Two servers, the second one a replica of the first, and a balancer in front."""

    first: RedisServer
    second: RedisServer
    balancer: Balancer

    async def fail_over(self, *, replicating: bool) -> None:
        """Let the second one be the primary, and the first a replica of it, or of nobody who answers."""
        async with connect(RedisConfig(self.first.url)) as first, connect(RedisConfig(self.second.url)) as second:
            await send(second, "REPLICAOF", "NO", "ONE")
            new = (self.second.host, str(self.second.port)) if replicating else ("127.0.0.1", "1")
            self.balancer.lead_to(self.second)
            await send(first, "REPLICAOF", *new)

    async def has_copied(self) -> None:
        """Make the second one a replica, and wait until it holds all that the first one does."""
        async with connect(RedisConfig(self.first.url)) as first, connect(RedisConfig(self.second.url)) as second:
            await send(second, "REPLICAOF", self.first.host, str(self.first.port))

            async def same() -> bool:
                theirs = [
                    cast("dict[str, object]", await send(each, "INFO", "replication")) for each in (first, second)
                ]
                offsets = [theirs[0].get("master_repl_offset"), theirs[1].get("slave_repl_offset")]
                return theirs[1].get("master_link_status") == "up" and offsets[0] == offsets[1]

            await eventually(same, "the replica holds what the primary holds", 30)

    async def nobody_is_left(self) -> None:
        """Wait until the first server has no client but who asks, and its new primary."""
        async with connect(RedisConfig(self.first.url)) as first:

            async def left() -> list[str]:
                mine = str(await send(first, "CLIENT ID"))
                clients = cast("list[dict[str, str]]", await send(first, "CLIENT LIST"))
                return [
                    f"{each['cmd']} {each['name']}"
                    for each in clients
                    if each["id"] != mine and not set(each["flags"]) & set("MS")
                ]

            with suppress(AssertionError):
                await eventually(lambda: gone(left), "all have left", WITHIN_S)
            assert await left() == []


async def gone(left: Callable[[], Awaitable[list[str]]]) -> bool:
    return not await left()


@dataclass(slots=True)
class Work:
    """Jobs that hold until they may end, and how often each ran."""

    may_end: asyncio.Event = field(default_factory=asyncio.Event)
    running: set[int] = field(default_factory=lambda: set[int]())
    runs: list[int] = field(default_factory=lambda: list[int]())

    async def hold(self, data: int, ctx: JobContext) -> int:
        self.runs.append(data)
        self.running.add(data)
        await self.may_end.wait()
        return data * 2


@pytest.fixture
def servers() -> Iterator[tuple[RedisServer, RedisServer]]:
    with ExitStack() as stack:
        first, second = (stack.enter_context(RedisServer()) for _ in range(2))
        yield first, second


@pytest.fixture
async def pair(servers: tuple[RedisServer, RedisServer]) -> AsyncIterator[Pair]:
    async with Balancer(servers[0]) as balancer:
        yield Pair(*servers, balancer)


async def until_done(attempt: Callable[[], Awaitable[object]]) -> None:
    """Try again until it succeeds: a producer's errors, as long as they last."""

    async def is_done() -> bool:
        try:
            await attempt()
        except (RedisRefusedError, RedisUnavailableError):
            return False
        return True

    await eventually(is_done, "a producer gets through", WITHIN_S)


@pytest.mark.parametrize("replicating", [True, False], ids=["a replica of the new primary", "alone"])
async def test_all_connections_go_over_to_the_new_primary(
    pair: Pair, registry: JobRegistry, lines: list[str], replicating: bool
) -> None:
    """Fetches, results, cancellations, locks and producers of every kind; no job runs twice."""
    work, settings = Work(), Settings(env_file=None, redis_url=pair.balancer.url)
    hold = job("hold", int, work.hold, registry=registry, attempts=1)
    at_once = job("at-once", int, double, registry=registry)
    config = WorkerConfig(queue="default", concurrency=6, lock_duration_ms=8_000)
    sync_client = JobClient.sync(settings)
    async with Crew(registry, settings, configs=(config,)), JobClient(settings) as client:
        await asyncio.to_thread(at_once.sync.trigger, 0, client=sync_client)
        results = [asyncio.create_task((await hold.trigger(n, client=client)).result()) for n in (1, 2)]
        stopped = await hold.trigger(3, client=client)
        told = asyncio.create_task(stopped.result())

        async def started() -> bool:
            return work.running == {1, 2, 3}

        await eventually(started, "three jobs run")
        await pair.has_copied()
        await pair.fail_over(replicating=replicating)
        await until_done(lambda: at_once.trigger(1, client=client))
        await until_done(lambda: at_once.batch_trigger([{"payload": 2}], client=client))
        await until_done(lambda: at_once.trigger_flow(3, [at_once.node(4)], client=client))
        await until_done(lambda: asyncio.to_thread(at_once.sync.trigger, 5, client=sync_client))
        assert await (await at_once.trigger(6, client=client)).result(f"{WITHIN_S}s") == 12
        await stopped.cancel("not wanted")
        with pytest.raises(JobFailedError, match="not wanted"):
            await asyncio.wait_for(told, WITHIN_S)
        await pair.nobody_is_left()
        work.may_end.set()
        assert await asyncio.wait_for(asyncio.gather(*results), WITHIN_S) == [2, 4]
        await asyncio.to_thread(sync_client.close)
    assert sorted(work.runs) == [1, 2, 3]
    assert len([line for line in lines if "does not answer as it should" in line]) == 1, lines


async def test_batches_without_pipelining_go_over_to_the_new_primary(pair: Pair, registry: JobRegistry) -> None:
    """redis-py doesn't look for the replica's error within the answer of a transaction."""
    add = job("double", int, double, registry=registry).batch_trigger
    settings = Settings(env_file=None, redis_url=pair.balancer.url, redis_pipelining=False)
    async with JobClient(settings) as client:
        await add([{"payload": 1}], client=client)
        await pair.has_copied()
        await pair.fail_over(replicating=True)
        await until_done(lambda: add([{"payload": 2}], client=client))


async def double(data: int, ctx: JobContext) -> int:
    return data * 2
