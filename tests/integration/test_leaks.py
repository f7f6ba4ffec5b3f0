"""Nothing is left behind: no memory, no socket, no task, no thread."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from redis.asyncio import Redis

from midday_worker import (
    JobClient,
    JobContext,
    JobDefinition,
    JobNotFoundError,
    JobRegistry,
    RedisUnavailableError,
    Settings,
    job,
)
from midday_worker.errors import ClientClosedError
from midday_worker.testing import RedisServer
from tests.deadline import eventually
from tests.integration.crew import Crew
from tests.leaks.memory import measure

CYCLES = 1_000


@pytest.fixture
def double(registry: JobRegistry) -> JobDefinition[int, int]:
    async def handle(data: int, ctx: JobContext) -> int:
        return data * 2

    return job("double", int, handle, registry=registry)


class Held:
    """What this process, and Redis for it, holds."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def count(self) -> dict[str, int]:
        clients: list[dict[str, str]] = await self._redis.client_list()  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
        return {
            "sockets": sockets(),
            "connections": len(clients),
            "tasks": len(asyncio.all_tasks()),
            "threads": threading.active_count(),
        }

    async def falls_to(self, before: dict[str, int]) -> None:
        """Wait until there is no more of anything than before."""

        async def is_no_more() -> bool:
            now.update(await self.count())
            return all(now[what] <= count for what, count in before.items())

        now: dict[str, int] = {}
        try:
            await eventually(is_no_more, "no more is held than before")
        except AssertionError as error:
            raise AssertionError(f"{now} is more than {before}") from error


@pytest.fixture
def held(redis: Redis) -> Held:
    return Held(redis)


def sockets() -> int:
    count = 0
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the one that lists them
            count += str(link.readlink()).startswith("socket:")
    return count


async def test_a_thousand_clients_leave_no_socket_task_or_thread(
    registry: JobRegistry, settings: Settings, held: Held, double: JobDefinition[int, int]
) -> None:
    async with Crew(registry, settings), JobClient(settings) as client:
        done = await double.trigger(0, client=client)
        await done.result("10s")
    before = await held.count()
    for number in range(CYCLES):
        async with JobClient(settings) as one:
            await double.trigger(number, client=one)
            if number % 10 == 0:
                assert (await one.wait_for("default", done.id).ending).outcome == "completed"
    await held.falls_to(before)


async def test_a_worker_that_comes_and_goes_leaves_no_socket_task_or_thread(
    registry: JobRegistry, settings: Settings, client: JobClient, held: Held, double: JobDefinition[int, int]
) -> None:
    await double.trigger(0, client=client)
    with pytest.raises(JobNotFoundError):  # the client's connection for looking at states stays
        await double.handle("nobody", client=client).result()
    before = await held.count()
    for number in range(20):
        async with Crew(registry, settings):
            await (await double.trigger(number, client=client)).result("10s")
    await held.falls_to(before)


async def test_memory_does_not_grow_with_the_jobs_that_were_run(redis_server: RedisServer, tmp_path: Path) -> None:
    memory = await measure(redis_server, 6_000, tmp_path)
    assert memory.growth < 0.06, memory


async def test_a_client_can_be_closed_in_a_handler_and_twice(
    registry: JobRegistry, settings: Settings, client: JobClient, double: JobDefinition[int, int]
) -> None:
    async def handle(data: int, ctx: JobContext) -> int:
        own = JobClient(settings)
        await double.trigger(data, client=own)
        await asyncio.gather(own.close(), own.close())
        await own.close()
        with pytest.raises(ClientClosedError):
            await double.trigger(data, client=own)
        return data

    closing = job("closing", int, handle, attempts=1, registry=registry)
    async with Crew(registry, settings):
        assert await (await closing.trigger(1, client=client)).result("10s") == 1
        assert await (await double.trigger(2, client=client)).result("10s") == 4


async def test_a_client_that_a_handler_closes_under_others_fails_their_calls_and_no_worker(
    registry: JobRegistry, settings: Settings, client: JobClient, double: JobDefinition[int, int]
) -> None:
    shared = JobClient(settings)

    async def handle(data: int, ctx: JobContext) -> None:
        await shared.close()

    closing = job("closing", int, handle, attempts=1, registry=registry)
    async with Crew(registry, settings):
        await double.trigger(1, client=shared)
        await (await closing.trigger(1, client=client)).result("10s")
        with pytest.raises(ClientClosedError):
            await double.trigger(2, client=shared)
        assert await (await double.trigger(3, client=client)).result("10s") == 6


async def test_a_client_that_another_task_closes_fails_calls_under_way_with_its_own_errors(
    settings: Settings, client: JobClient, held: Held, double: JobDefinition[int, int]
) -> None:
    await double.trigger(0, client=client)
    before = await held.count()
    for turn in range(10):
        shared = JobClient(settings)
        calls = [asyncio.create_task(double.trigger(number, client=shared)) for number in range(30)]
        for _ in range(turn * 3):
            await asyncio.sleep(0)
        await shared.close()
        async with asyncio.timeout(10):
            answers = await asyncio.gather(*calls, return_exceptions=True)
        errors = [answer for answer in answers if isinstance(answer, BaseException)]
        assert all(isinstance(error, ClientClosedError | RedisUnavailableError) for error in errors), errors

    await held.falls_to(before)
