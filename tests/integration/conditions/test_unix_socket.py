"""A Redis that listens on a socket in the file system and on no port."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from midday_worker import JobClient, JobContext, JobFailedError, JobRegistry, RedisUnavailableError, Settings, job
from midday_worker.admin import list_workers
from midday_worker.client.client import redis_config
from midday_worker.embedded.binary import find_redis_server
from midday_worker.engine.redis.connection import Connection, connect
from midday_worker.engine.worker.config import WorkerConfig
from midday_worker.workers.startup import wait_for_redis
from tests.deadline import eventually
from tests.integration.crew import Crew


@pytest.fixture
def unix_url(tmp_path: Path) -> Iterator[str]:
    path = tmp_path / "redis.sock"
    words = [
        str(find_redis_server()),
        "--port",
        "0",
        "--unixsocket",
        str(path),
        "--save",
        "",
        "--requirepass",
        "secret",
    ]
    process = subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.DEVNULL)
    yield f"unix://:secret@{path}?db=3"
    process.terminate()
    process.wait()


async def test_all_that_uses_redis_goes_through_the_socket(unix_url: str, registry: JobRegistry) -> None:
    """The shared connection, the blocking one, the events', the cancellations' and the locks' thread's."""
    started = asyncio.Event()

    async def double(data: int, ctx: JobContext) -> int:
        return data * 2

    async def hold(data: int, ctx: JobContext) -> None:
        started.set()
        await asyncio.Event().wait()

    doubling = job("double", int, double, registry=registry)
    holding = job("hold", int, hold, registry=registry)
    settings = Settings(env_file=None, redis_url=unix_url)
    connection = Connection(connect(redis_config(settings)))
    assert await wait_for_redis(connection, settings, asyncio.Event())
    await connection.close()
    config = WorkerConfig(queue="default", concurrency=2, lock_duration_ms=4_000)
    async with Crew(registry, settings, configs=(config,)) as crew, JobClient(settings) as client:
        held = await holding.trigger(1, client=client)
        await asyncio.wait_for(started.wait(), 10)
        assert await (await doubling.trigger(2, client=client)).result("10s") == 4
        blocking = JobClient.sync(settings)
        assert await asyncio.to_thread(doubling.sync.trigger, 3, client=blocking)
        await asyncio.to_thread(blocking.close)
        assert len(await list_workers(client.queue("default")) or ()) == 1

        async def is_renewed() -> bool:
            return crew.tallies["default"].lock_renewals > 0

        await eventually(is_renewed, "the lock of the job that runs is renewed")
        await held.cancel("not needed")
        with pytest.raises(JobFailedError, match="not needed"):
            await held.result("10s")


async def test_a_socket_that_is_not_there_is_said_like_any_server_that_is_away(
    tmp_path: Path, registry: JobRegistry
) -> None:
    async def handle(data: int, ctx: JobContext) -> None: ...

    add = job("add", int, handle, registry=registry)
    async with JobClient(Settings(env_file=None, redis_url=f"unix://{tmp_path}/gone.sock")) as client:
        with pytest.raises(RedisUnavailableError, match=r"gone\.sock.*Nothing was written"):
            await add.trigger(1, client=client)
