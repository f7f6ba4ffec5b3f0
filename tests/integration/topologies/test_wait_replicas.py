"""REDIS_WAIT_REPLICAS: what was added is at the replicas when the call returns, or its error says that it isn't."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, cast

import pytest

from midday_worker import ConfigurationError, JobClient, NotReplicatedError, Settings
from tests.deadline import eventually
from tests.integration.topologies import follow_jobs as jobs
from tests.sentinel_set import DataServer, SentinelSet

MANY: Final = 2_500
Add = Callable[[JobClient], Awaitable[object]]


async def one(client: JobClient) -> object:
    return await jobs.double.trigger(1, client=client)


async def many(client: JobClient) -> object:
    return await jobs.double.batch_trigger([{"payload": n} for n in range(MANY)], client=client)


async def flow(client: JobClient) -> object:
    return await jobs.double.trigger_flow(1, [jobs.double.node(2)], client=client)


async def schedule(client: JobClient) -> object:
    return await jobs.double.trigger_recurring(1, every="1h", schedule_id="hourly", client=client)


def client_of(sentinels: SentinelSet, replicas: int) -> JobClient:
    return JobClient(
        Settings(
            env_file=None,
            redis_url=sentinels.url,
            redis_prefix="replicated",
            redis_wait_replicas=replicas,
            redis_command_timeout=8_000,
        )
    )


@pytest.fixture
def replicas(sentinels: SentinelSet) -> Iterator[list[DataServer]]:
    """The replicas; all awake in the end."""
    found = [each for each in sentinels.servers if each is not sentinels.primary]
    yield found
    for each in found:
        each.resume()


@pytest.mark.parametrize("add", [one, many, flow, schedule])
async def test_an_add_that_returns_is_at_the_replicas(
    sentinels: SentinelSet, replicas: list[DataServer], add: Add
) -> None:
    """A replica that is stopped has nothing: the add returns when it goes on, and not before."""
    async with client_of(sentinels, 2) as client:
        await add(client)
        replicas[0].pause()
        adding = asyncio.ensure_future(add(client))

        async def is_waited_for() -> bool:
            clients = await asyncio.to_thread(sentinels.ask, sentinels.primary, "CLIENT LIST")
            return "'cmd': 'wait'" in str(clients)

        await eventually(is_waited_for, "the primary waits for its replicas", 3)
        assert not adding.done()
        replicas[0].resume()
        await adding


@pytest.mark.parametrize("add", [one, many, flow, schedule])
async def test_an_add_that_too_few_replicas_confirm_says_so_with_its_id(
    sentinels: SentinelSet, replicas: list[DataServer], add: Add
) -> None:
    async with client_of(sentinels, 2) as client:
        await add(client)
        replicas[1].pause()
        with pytest.raises(NotReplicatedError, match=r"but only 1 of 2 replicas in 4 s have confirmed it") as error:
            await add(client)
        assert error.value.may_have_been_written
        if add is not schedule:
            assert await client.state("doubled", error.value.job_ids[0]) in ("waiting", "waiting-children")


async def test_a_blocking_call_waits_for_them_too(sentinels: SentinelSet, replicas: list[DataServer]) -> None:
    replicas[0].pause()
    sync_client = JobClient.sync(client_of(sentinels, 2).settings)
    with pytest.raises(NotReplicatedError):
        await asyncio.to_thread(jobs.double.sync.trigger, 1, client=sync_client)
    await asyncio.to_thread(sync_client.close)


async def test_adds_side_by_side_share_their_wait(sentinels: SentinelSet) -> None:
    async with client_of(sentinels, 1) as client:
        await one(client)
        before = _waits(sentinels)
        await asyncio.gather(*(one(client) for _ in range(500)))
        assert 1 <= _waits(sentinels) - before < 100


async def test_pipelining_is_needed_for_it(sentinels: SentinelSet) -> None:
    settings = client_of(sentinels, 1).settings.model_copy(update={"redis_pipelining": False})
    with pytest.raises(ConfigurationError, match="REDIS_WAIT_REPLICAS needs REDIS_PIPELINING=true"):
        JobClient(settings)


def _waits(sentinels: SentinelSet) -> int:
    """Return how often the primary was told to wait."""
    stats = cast("dict[str, dict[str, int]]", sentinels.ask(sentinels.primary, "INFO", "commandstats"))
    return stats["cmdstat_wait"]["calls"]
