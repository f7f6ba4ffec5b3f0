"""Server checks at start-up: what is said, and what a worker doesn't start on."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import cast

import pytest
from redis.asyncio import Redis

from midday_worker import ConfigurationError, JobClient, JobContext, JobRegistry, RedisRefusedError, Settings, job
from midday_worker.client.client import redis_config
from midday_worker.embedded import free_port
from midday_worker.embedded.binary import find_redis_server
from midday_worker.engine.redis.connection import Connection, RedisConfig, connect
from midday_worker.testing import RedisServer
from midday_worker.workers.startup import wait_for_redis
from tests.integration.conditions.ailment import send
from tests.integration.jobs.certificate import write_certificate
from tests.redis_proxy import TlsProxy
from tests.scripted_redis import OK, AncientRedis, ScriptedRedis, bulk


@pytest.fixture
async def redis(mortal_redis: RedisServer) -> AsyncIterator[Redis]:
    async with connect(RedisConfig(mortal_redis.url)) as redis:
        yield redis


async def started(url: str) -> str:
    """Return the version of the Redis that a worker would start on. It would wait for 20 s for one that is away."""
    settings = Settings(env_file=None, redis_url=url, startup_timeout="20s")
    connection = Connection(connect(redis_config(settings)))
    try:
        async with asyncio.timeout(15):
            return await wait_for_redis(connection, settings, asyncio.Event())
    finally:
        await connection.close()


async def version_of(redis: Redis) -> str:
    """Return the version of a server: of whichever this machine has. Valkey tells one of Redis, too."""
    said = cast("dict[str, str]", await send(redis, "INFO", "server"))
    return f"Valkey {said['valkey_version']}" if "valkey_version" in said else said["redis_version"]


async def test_a_server_that_is_well_is_started_on_without_a_word(
    mortal_redis: RedisServer, redis: Redis, lines: list[str]
) -> None:
    assert await started(mortal_redis.url) == await version_of(redis)
    assert lines == []


async def test_a_server_that_may_drop_jobs_is_warned_of(
    mortal_redis: RedisServer, redis: Redis, lines: list[str]
) -> None:
    await send(redis, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    await started(mortal_redis.url)
    (line,) = lines
    assert line.startswith("WARNING")
    assert "eviction policy allkeys-lru" in line
    assert "Set maxmemory-policy noeviction" in line


async def test_a_read_only_replica_is_started_on_as_it_may_become_the_primary(
    mortal_redis: RedisServer, redis: Redis, lines: list[str]
) -> None:
    await send(redis, "REPLICAOF", "127.0.0.1", "1")
    await started(mortal_redis.url)
    (line,) = lines
    assert line.startswith("ERROR")
    assert "is a read-only replica" in line
    assert "REDIS_URL must name the primary" in line


def info(version: bytes) -> bytes:
    return bulk(b"# Server\r\nredis_version:%s\r\nmaxmemory_policy:noeviction\r\nrole:master\r\n" % version)


@pytest.mark.parametrize("version", [b"5.0.14", b"6.0.16"])
async def test_a_server_that_is_too_old_is_refused(version: bytes) -> None:
    async with ScriptedRedis(lambda words: info(version) if words[0] == b"INFO" else OK) as old:
        with pytest.raises(ConfigurationError, match=f"is version {version.decode()}; .* need 6.2.0 or newer"):
            await started(old.url)


async def test_a_server_that_does_not_know_the_handshake_is_refused() -> None:
    async with AncientRedis(lambda _words: OK) as ancient:
        with pytest.raises(RedisRefusedError, match=r"too old: BullMQ's scripts need 6.2 or newer"):
            await started(ancient.url)


@pytest.fixture
async def tls_url(mortal_redis: RedisServer, tmp_path: Path) -> AsyncIterator[str]:
    """A port that speaks TLS with a certificate that nobody has signed."""
    async with TlsProxy(mortal_redis, write_certificate(tmp_path)) as proxy:
        yield proxy.url


async def test_a_certificate_that_cannot_be_verified_is_refused_at_once(tls_url: str) -> None:
    with pytest.raises(RedisRefusedError, match=r"certificate can't be verified.*REDIS_TLS_CA_FILE"):
        await started(tls_url)


async def test_a_certificate_whose_authority_is_named_is_accepted(tls_url: str, redis: Redis, tmp_path: Path) -> None:
    assert await started(f"{tls_url}?ssl_ca_certs={tmp_path / 'localhost.pem'}") == await version_of(redis)


async def test_a_trigger_through_a_bad_certificate_says_so(tls_url: str, registry: JobRegistry) -> None:
    async def handle(data: int, ctx: JobContext) -> None: ...

    add = job("add", int, handle, registry=registry)
    async with JobClient(Settings(env_file=None, redis_url=tls_url)) as client:
        with pytest.raises(RedisRefusedError, match="certificate can't be verified"):
            await add.trigger(1, client=client)


@pytest.fixture
def other_mode(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A real Sentinel, or a node of a cluster; its URL."""
    port, config = free_port(), tmp_path / "redis.conf"
    mode = str(request.param)
    config.write_text(f"port {port}\nbind 127.0.0.1\n{mode}")
    words = [str(find_redis_server()), str(config), *(["--save", ""] if mode else ["--sentinel"])]
    process = subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.DEVNULL)
    yield f"redis://127.0.0.1:{port}"
    process.terminate()
    process.wait()


@pytest.mark.parametrize(
    ("other_mode", "is_a"),
    [("", "a Sentinel"), ("cluster-enabled yes", "a node of a cluster")],
    indirect=["other_mode"],
)
async def test_what_is_no_redis_for_jobs_is_told_as_what_it_is(
    other_mode: str, is_a: str, registry: JobRegistry
) -> None:
    with pytest.raises(ConfigurationError, match=f"is {is_a}"):
        await started(other_mode)

    async def handle(data: int, ctx: JobContext) -> None: ...

    add = job("add", int, handle, registry=registry)
    async with JobClient(Settings(env_file=None, redis_url=other_mode)) as client:
        with pytest.raises(RedisRefusedError, match=is_a):
            await add.trigger(1, client=client)


async def test_a_clock_that_is_off_is_said_at_the_start(
    mortal_redis: RedisServer, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Delays and schedules are off by as much."""
    clock = time.time
    monkeypatch.setattr("midday_worker.admin.server_checks.time.time", lambda: clock() - 90)
    await started(mortal_redis.url)
    (line,) = lines
    assert line.startswith("WARNING this machine is 90.0 s behind Redis")
