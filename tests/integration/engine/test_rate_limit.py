"""A queue whose rate limit is lifted before its window has ended goes on at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias, cast

from midday_worker import JobClient, JobContext, JobDefinition, JobRegistry, Settings, job
from midday_worker.admin import limit_rate, release_rate_limit, remove_rate_limit
from midday_worker.engine.producer.queue import Queue
from midday_worker.engine.worker.config import WorkerConfig
from tests.deadline import eventually
from tests.integration.crew import Crew
from tests.integration.engine.command_stats import command

DAY_MS: Final = 86_400_000
LOOK_S: Final = 2.0
SLOW_S: Final = 3.0
"""What a crowded machine may need beside."""

Lifting: TypeAlias = Callable[[Queue], Awaitable[object]]


async def remove_as_node_does(queue: Queue) -> None:
    """Do what Node's removeGlobalRateLimit and removeRateLimitKey do."""
    client = queue.client
    await command(client, "HDEL", queue.keys["meta"], "max", "duration")
    await command(client, "DEL", queue.keys["limiter"])


GLOBAL: Final[dict[str, Lifting]] = {
    "removed": remove_rate_limit,
    "released": release_rate_limit,
    "removed-in-node": remove_as_node_does,
    "mended": lambda queue: limit_rate(queue, 1, 1_000),
}
"""By the name of a queue whose global limit of one job in a day was reached: how it is lifted."""

OWN: Final[dict[str, Lifting]] = {"own-released": release_rate_limit, "own-removed": remove_rate_limit}
"""The same, for queues whose workers have such a limit of their own."""


class Work:
    """A job on each queue, and which of its runs have started."""

    def __init__(self, registry: JobRegistry) -> None:
        self.runs: list[tuple[str, int]] = []
        self.of: dict[str, JobDefinition[int, None]] = {
            name: job(f"on-{name}", int, self._handler(name), queue=name, registry=registry) for name in (*GLOBAL, *OWN)
        }

    def _handler(self, name: str) -> Callable[[int, JobContext], Awaitable[None]]:
        async def handle(data: int, ctx: JobContext) -> None:
            self.runs.append((name, data))

        return handle

    async def until(self, number: int, within_s: float) -> None:
        """Wait until this run has started on every queue."""

        async def have_started() -> bool:
            return {name for name, data in self.runs if data == number} == self.of.keys()

        await eventually(have_started, f"run {number} has started on every queue", within_s)


async def test_a_lifted_limit_is_noticed_within_two_seconds_however_it_was_lifted(
    settings: Settings, registry: JobRegistry, client: JobClient
) -> None:
    work = Work(registry)
    configs = tuple(
        WorkerConfig(queue=name, concurrency=1, rate_limit=(1, DAY_MS) if name in OWN else None) for name in work.of
    )
    for name in GLOBAL:
        await limit_rate(client.queue(name), 1, DAY_MS)
    async with Crew(registry, settings, configs=configs):
        for definition in work.of.values():
            for number in (1, 2):
                await definition.trigger(number, client=client)
        await work.until(1, 10)
        await all_are_limited(client, work)
        lifted = time.monotonic()
        await asyncio.gather(*(lift(client.queue(name)) for name, lift in (GLOBAL | OWN).items()))
        await work.until(2, LOOK_S + SLOW_S - (time.monotonic() - lifted))


async def all_are_limited(client: JobClient, work: Work) -> None:
    """Wait until every queue's window is known to its worker: its second job waits, and nothing runs."""

    async def limited() -> bool:
        counts = [await client.queue(name).getJobCounts("active", "wait") for name in work.of]
        return all(count == {"active": 0, "wait": 1} for count in counts)

    await eventually(limited, "every queue has one job waiting", 10)


async def test_delayed_jobs_become_due_while_their_queue_is_limited(
    settings: Settings, registry: JobRegistry, client: JobClient
) -> None:
    ran = asyncio.Event()

    async def handle(data: int, ctx: JobContext) -> None:
        ran.set()

    definition = job("late", int, handle, queue="late", registry=registry)
    queue = client.queue("late")
    await limit_rate(queue, 1, DAY_MS)
    async with Crew(registry, settings):
        await definition.trigger(1, client=client)
        await asyncio.wait_for(ran.wait(), 10)
        late = await definition.trigger(2, delay=500, client=client)

        async def is_due() -> bool:
            return await client.state("late", late.id) == "waiting"

        await eventually(is_due, "the delayed job waits for the limit", 0.5 + LOOK_S + SLOW_S)
        assert int(cast("int", await command(queue.client, "GET", queue.keys["limiter"]))) == 1
