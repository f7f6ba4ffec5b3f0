"""Servers that lack commands, cut who is idle, or take nobody else in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest
from redis.asyncio import Redis

from midday_worker import JobClient, JobContext, JobDefinition, JobRegistry, RedisUnavailableError, Settings, job
from midday_worker.admin import list_workers
from midday_worker.client.client import redis_config
from midday_worker.dashboard import create_dashboard
from midday_worker.embedded.binary import find_redis_server
from midday_worker.engine.redis.connection import Connection, RedisConfig, connect
from midday_worker.engine.worker.config import WorkerConfig
from midday_worker.testing import RedisServer
from midday_worker.workers.startup import wait_for_redis
from tests.deadline import eventually
from tests.integration.conditions.ailment import send
from tests.integration.crew import Crew
from tests.integration.dashboard.visitor import Visitor


@pytest.fixture
async def redis(mortal_redis: RedisServer) -> AsyncIterator[Redis]:
    async with connect(RedisConfig(mortal_redis.url)) as redis:
        yield redis


@pytest.fixture
def double(registry: JobRegistry) -> JobDefinition[int, int]:
    async def handle(data: int, ctx: JobContext) -> int:
        return data * 2

    return job("double", int, handle, registry=registry)


async def test_a_server_without_config_and_client_runs_jobs_and_lists_no_workers(
    tmp_path: Path, registry: JobRegistry, double: JobDefinition[int, int]
) -> None:
    """As managed ones have them taken away: unknown, and not only forbidden."""
    binary = tmp_path / "redis-server"
    binary.write_text(
        f'#!/bin/sh\nexec {find_redis_server()} "$@" --rename-command CONFIG "" --rename-command CLIENT ""\n'
    )
    binary.chmod(0o755)
    with RedisServer(binary=binary) as server:
        settings = Settings(env_file=None, redis_url=server.url, board_login="none")
        connection = Connection(connect(redis_config(settings)))
        assert await wait_for_redis(connection, settings, asyncio.Event())
        await connection.close()
        async with Crew(registry, settings), JobClient(settings) as client:
            assert await (await double.trigger(1, client=client)).result("30s") == 2
            later = await double.trigger(2, client=client, delay="1h")
            await later.cancel("not needed")
            assert await list_workers(client.queue("default")) is None
            async with Visitor(create_dashboard(registry, client=client)) as visitor:
                assert (await visitor.get("/api/queues")).status == 200


async def test_jobs_are_run_and_followed_where_idle_connections_are_cut(
    mortal_redis: RedisServer, redis: Redis, registry: JobRegistry, double: JobDefinition[int, int]
) -> None:
    """Of a producer, of a worker that waits, and of the thread that renews a lock each two seconds."""
    started, may_end = asyncio.Event(), asyncio.Event()

    async def hold(data: int, ctx: JobContext) -> int:
        started.set()
        await may_end.wait()
        return data

    holding = job("hold", int, hold, queue="held", registry=registry)
    await send(redis, "CONFIG", "SET", "timeout", "1")
    configs = (
        WorkerConfig(queue="default", concurrency=2),
        WorkerConfig(queue="held", concurrency=1, lock_duration_ms=8_000),
    )
    settings = Settings(env_file=None, redis_url=mortal_redis.url)
    async with Crew(registry, settings, configs=configs) as crew, JobClient(settings) as client:
        held = await holding.trigger(1, client=client)
        await asyncio.wait_for(started.wait(), 30)
        for _ in range(2):
            assert await (await double.trigger(2, client=client)).result("30s") == 4
            cut = await client.connection.conn.client_id()  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - untyped in redis-py

            async def is_cut(id_: object = cut) -> bool:
                return f"id={id_} " not in str(await send(redis, "CLIENT", "LIST"))

            await eventually(is_cut, "the producer's connection is cut")

        async def is_renewed() -> bool:
            return crew.tallies["held"].lock_renewals > 1

        await eventually(is_renewed, "the lock is renewed, and again")
        may_end.set()
        assert await held.result("30s") == 1
        assert crew.tallies["held"].locks_lost == 0


async def test_who_is_not_taken_in_says_so_and_is_taken_in_later(
    mortal_redis: RedisServer, redis: Redis, registry: JobRegistry, double: JobDefinition[int, int]
) -> None:
    info = cast("dict[str, int]", await send(redis, "INFO", "clients"))
    await send(redis, "CONFIG", "SET", "maxclients", str(info["connected_clients"]))
    settings = Settings(env_file=None, redis_url=mortal_redis.url)
    async with Crew(registry, settings), JobClient(settings) as client:
        with pytest.raises(RedisUnavailableError, match=r"max number of clients reached.*Nothing was written"):
            await double.trigger(1, client=client)
        await send(redis, "CONFIG", "SET", "maxclients", "1000")
        assert await (await double.trigger(2, client=client)).result("30s") == 4
