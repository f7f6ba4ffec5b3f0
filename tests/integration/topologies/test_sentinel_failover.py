"""Sentinels name another primary: every connection goes over to it, whatever became of the old one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, cast

import pytest

from midday_worker import JobClient, JobFailedError, RedisRefusedError, RedisUnavailableError, Settings
from midday_worker.engine.worker.config import WorkerConfig
from tests.deadline import eventually
from tests.integration.crew import Crew
from tests.integration.topologies import follow_jobs as jobs
from tests.sentinel_set import DataServer, SentinelSet

BACK_S: Final = 15.0
"""How soon all works again on the new primary; 5 s on a machine of one's own."""

LOCK_MS: Final = 60_000


def settings_of(sentinels: SentinelSet) -> Settings:
    return Settings(env_file=None, redis_url=sentinels.url, redis_prefix="failover")


def crew_of(settings: Settings) -> Crew:
    configs = [
        WorkerConfig(queue=name, concurrency=4, lock_duration_ms=LOCK_MS) for name in ("held", "doubled", "squared")
    ]
    return Crew(jobs.registry, settings, configs=tuple(configs))


def killed(sentinels: SentinelSet, old: DataServer) -> None:
    old.kill()
    sentinels.wait_for_other_than(old)


def stopped(sentinels: SentinelSet, old: DataServer) -> None:
    old.pause()
    sentinels.wait_for_other_than(old)


def replaced(sentinels: SentinelSet, old: DataServer) -> None:
    sentinels.switch()


def forsaken(sentinels: SentinelSet, old: DataServer) -> None:
    sentinels.forsake(old)


Event = Callable[[SentinelSet, DataServer], None]


@pytest.fixture
def old(sentinels: SentinelSet) -> Iterator[DataServer]:
    """The primary of before; well again in the end."""
    server = sentinels.primary
    jobs.held.begin()
    yield server
    sentinels.take_back(server)


async def until_done(attempt: Callable[[], Awaitable[object]]) -> None:
    """Try again until it succeeds: a producer's errors, as long as they last."""

    async def is_done() -> bool:
        try:
            await attempt()
        except (RedisRefusedError, RedisUnavailableError):
            return False
        return True

    await eventually(is_done, "a producer gets through", BACK_S)


async def nobody_is_left(sentinels: SentinelSet, old: DataServer) -> None:
    """Wait until the old primary has no client but who asks, sentinels, and other servers."""

    async def left() -> list[str]:
        clients = cast("list[dict[str, str]]", await asyncio.to_thread(sentinels.ask, old, "CLIENT LIST"))
        return [
            f"{each['cmd']} {each['name']}"
            for each in clients
            if each["cmd"] != "client|list" and "sentinel" not in each["name"] and not set(each["flags"]) & set("MS")
        ]

    async def none_is_left() -> bool:
        return not await left()

    await eventually(none_is_left, "all have left the old primary", BACK_S)


@pytest.mark.parametrize("event", [killed, stopped, replaced, forsaken])
async def test_all_connections_follow_a_failover(
    sentinels: SentinelSet, old: DataServer, lines: list[str], event: Event
) -> None:
    """Fetches, results, cancellations, locks, processes and producers of every kind; no job runs twice."""
    settings = settings_of(sentinels)
    sync_client = JobClient.sync(settings)
    async with crew_of(settings), JobClient(settings) as client:
        await asyncio.to_thread(jobs.double.sync.trigger, 0, client=sync_client)
        assert await (await jobs.square.trigger(3, client=client)).result("60s") == 9
        results = [asyncio.create_task((await jobs.hold.trigger(n, client=client)).result()) for n in (1, 2)]
        unwanted = await jobs.hold.trigger(3, client=client)
        told = asyncio.create_task(unwanted.result())

        async def all_run() -> bool:
            return sorted(jobs.held.runs) == [1, 2, 3]

        await eventually(all_run, "three jobs run")
        await asyncio.to_thread(sentinels.wait_until_copied)
        await asyncio.to_thread(event, sentinels, old)
        began = time.monotonic()
        if event in (replaced, forsaken):  # until then it takes jobs, and keeps them to itself
            await nobody_is_left(sentinels, old)
        await until_done(lambda: jobs.double.trigger(1, client=client))
        await until_done(lambda: jobs.double.batch_trigger([{"payload": 2}], client=client))
        await until_done(lambda: jobs.double.trigger_flow(3, [jobs.double.node(4)], client=client))
        await until_done(lambda: asyncio.to_thread(jobs.double.sync.trigger, 5, client=sync_client))
        async with asyncio.timeout(BACK_S):
            assert await (await jobs.double.trigger(6, client=client)).result() == 12
            assert await (await jobs.square.trigger(7, client=client)).result() == 49
            await unwanted.cancel("not wanted")
            with pytest.raises(JobFailedError, match="not wanted"):
                await told
        print(f"{event.__name__}: back after {time.monotonic() - began:.2f} s")  # noqa: T201 - pytest -s shows it
        jobs.held.may_end.set()
        assert await asyncio.wait_for(asyncio.gather(*results), BACK_S) == [2, 4]
        await asyncio.to_thread(sync_client.close)
    assert sorted(jobs.held.runs) == [1, 2, 3]
    assert len([line for line in lines if "does not answer as it should" in line]) == 1, lines


async def test_a_command_under_way_ends_with_the_failover(sentinels: SentinelSet, old: DataServer) -> None:
    """A stopped primary has the command and never answers; the job is added to the new one, once."""
    settings = settings_of(sentinels).model_copy(update={"redis_command_timeout": 30_000})
    async with JobClient(settings) as client:
        await jobs.double.trigger(0, client=client)
        old.pause()
        adding = asyncio.create_task(jobs.double.trigger(1, client=client, job_id="under-way"))
        await asyncio.to_thread(sentinels.wait_for_other_than, old)
        handle = await asyncio.wait_for(adding, BACK_S)
        assert await handle.state() == "waiting"
