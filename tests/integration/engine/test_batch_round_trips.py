"""How a batch travels: one round trip per 1,000 jobs, whatever Redis knows of the scripts."""

from __future__ import annotations

from typing import cast

import pytest
from redis.asyncio import Redis

from midday_worker import BulkItem, JobClient, JobContext, JobRegistry, Settings, job
from midday_worker.engine.redis.connection import RedisConfig, connect
from midday_worker.testing import RedisServer
from tests.redis_proxy import LossyProxy

BATCH: list[BulkItem[int]] = [
    {"payload": 1},
    {"payload": 2, "options": {"delay": "1h"}},
    {"payload": 3, "options": {"priority": 5}},
]


async def commands(redis: Redis) -> dict[str, int]:
    """How often each command was called, subcommands counted together."""
    stats = cast("dict[str, dict[str, int]]", await redis.info("commandstats"))  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
    calls: dict[str, int] = {}
    for name, figures in stats.items():
        command = name.removeprefix("cmdstat_").partition("|")[0]
        calls[command] = calls.get(command, 0) + figures["calls"]
    return calls


async def test_a_batch_takes_one_round_trip_per_1000(mortal_redis: RedisServer, registry: JobRegistry) -> None:
    """What isn't within the three transactions would be counted too. An empty one tries out the new connection."""

    @job("j", registry=registry)
    async def definition(data: int, ctx: JobContext) -> None: ...

    async with (
        JobClient(Settings(env_file=None, redis_url=mortal_redis.url)) as client,
        connect(RedisConfig(mortal_redis.url)) as redis,
    ):
        await redis.config_resetstat()  # pyright: ignore[reportUnknownMemberType] - as above
        handles = await definition.batch_trigger([{"payload": number} for number in range(2_500)], client=client)
        called = await commands(redis)
        assert len({handle.id for handle in handles}) == 2_500
    assert {name: called.get(name) for name in ("multi", "exec", "script", "evalsha", "eval")} == {
        "multi": 3 + 1,
        "exec": 3 + 1,
        "script": 3,  # one load of one script within each
        "evalsha": 2_500,
        "eval": None,
    }


@pytest.mark.parametrize("forget", ["flush", "restart"])
async def test_a_batch_reaches_a_redis_that_has_forgotten_the_scripts(
    mortal_redis: RedisServer, registry: JobRegistry, forget: str
) -> None:
    @job("j", registry=registry)
    async def definition(data: int, ctx: JobContext) -> None: ...

    async with JobClient(Settings(env_file=None, redis_url=mortal_redis.url)) as client:
        await definition.batch_trigger(BATCH, client=client)
        if forget == "restart":
            mortal_redis.restart()
        else:
            await client.connection.conn.script_flush()
        handles = await definition.batch_trigger(BATCH, client=client)
        assert [await handle.state() for handle in handles] == ["waiting", "delayed", "prioritized"]


async def test_a_batch_whose_reply_is_lost_is_sent_again_and_added_once(
    redis_server: RedisServer, settings: Settings, client: JobClient, registry: JobRegistry
) -> None:
    @job("j", registry=registry)
    async def definition(data: int, ctx: JobContext) -> None: ...

    async with LossyProxy(redis_server, b":default:meta") as proxy:
        async with JobClient(Settings(env_file=None, redis_url=proxy.url, redis_prefix=settings.redis_prefix)) as lossy:
            handles = await definition.batch_trigger(BATCH, client=lossy)
            assert [await handle.state() for handle in handles] == ["waiting", "delayed", "prioritized"]
        assert proxy.losses == 0, "no reply was lost: the test shows nothing"
    counts = await client.queue("default").getJobCounts("waiting", "delayed", "prioritized")
    assert counts == {"waiting": 1, "delayed": 1, "prioritized": 1}
