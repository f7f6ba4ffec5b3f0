"""Sentinels that are slow, away, strange, or asked for what they don't know: found in spite of it, or a clear error."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, cast

import pytest

from midday_worker import ConfigurationError, JobClient, RedisRefusedError, RedisUnavailableError, Settings
from midday_worker.client.client import redis_config
from midday_worker.embedded import free_port
from midday_worker.engine.redis.connection import Connection, connect
from midday_worker.testing import RedisServer
from midday_worker.workers.startup import wait_for_redis
from tests.deadline import eventually
from tests.integration.conditions.ailment import send
from tests.integration.jobs.certificate import write_certificate
from tests.integration.topologies import follow_jobs as jobs
from tests.redis_proxy import Link, TlsProxy
from tests.sentinel_set import SERVICE, SentinelServer, SentinelSet

SLOW_S: Final = 1.5
"""A connection takes some 20 ms; waiting for a sentinel that doesn't answer, 2 s and more."""


async def add(url: str) -> None:
    """Trigger a job."""
    async with JobClient(Settings(env_file=None, redis_url=url, redis_prefix="addresses")) as client:
        await jobs.double.trigger(1, client=client)


async def started(url: str, stop: asyncio.Event | None = None) -> str:
    """Return the version of the Redis that a worker would start on."""
    settings = Settings(env_file=None, redis_url=url, startup_timeout="20s")
    connection = Connection(connect(redis_config(settings)))
    try:
        async with asyncio.timeout(15):
            return await wait_for_redis(connection, settings, stop or asyncio.Event())
    finally:
        await connection.close()


@contextmanager
def stray(server: RedisServer) -> Generator[SentinelServer]:
    """Start a sentinel that watches a server of its own by the same name, so that no other hears of it."""
    lines = [
        f"sentinel monitor {SERVICE} {server.host} {server.port} 2",
        f"sentinel down-after-milliseconds {SERVICE} 300",
    ]
    with SentinelServer(secrets.token_hex(20), lines, free_port()) as sentinel:
        yield sentinel


def url_of(*servers: RedisServer, query: str = "", service: str = SERVICE) -> str:
    return f"redis+sentinel://{','.join(f'{each.host}:{each.port}' for each in servers)}/{service}{query}"


@pytest.mark.parametrize("silent", [0, 1, 2])
async def test_a_sentinel_that_does_not_answer_slows_no_connection(sentinels: SentinelSet, silent: int) -> None:
    await add(sentinels.url)  # what is loaded once
    sentinels.sentinels[silent].pause()
    try:
        began = time.monotonic()
        await add(sentinels.url)
        assert time.monotonic() - began < SLOW_S
    finally:
        sentinels.sentinels[silent].resume()


async def test_hosts_that_do_not_resolve_are_no_hindrance(sentinels: SentinelSet) -> None:
    await add(sentinels.url.replace("://", "://nowhere.invalid,"))


async def test_a_plain_redis_among_the_sentinels_is_no_hindrance(sentinels: SentinelSet) -> None:
    await add(url_of(sentinels.primary, *sentinels.sentinels))


async def test_of_sentinels_that_disagree_the_one_with_the_latest_failover_is_right(
    sentinels: SentinelSet, redis_server: RedisServer
) -> None:
    """One that was cut off still names a server of before, whatever its place in the URL."""
    await asyncio.to_thread(sentinels.switch)
    with stray(redis_server) as behind:
        for url in (url_of(behind, sentinels.sentinels[0]), url_of(sentinels.sentinels[0], behind)):
            settings = Settings(env_file=None, redis_url=url)
            async with JobClient(settings) as client:
                info = cast("dict[str, int]", await send(client.connection.conn, "INFO", "server"))
            assert info["tcp_port"] == sentinels.primary.port


async def test_sentinels_that_disagree_for_good_are_refused(
    redis_server: RedisServer, mortal_redis: RedisServer
) -> None:
    said = rf"sentinels disagree where {SERVICE} is: 127.0.0.1:\d+ says"
    with (
        stray(redis_server) as one,
        stray(mortal_redis) as other,
        pytest.raises(RedisRefusedError, match=said),
    ):
        await add(url_of(one, other))


async def test_an_unknown_service_is_refused_with_those_that_are_watched(sentinels: SentinelSet) -> None:
    url = url_of(*sentinels.sentinels, service="mymastr")
    with pytest.raises(RedisRefusedError, match=r"doesn't watch 'mymastr', but mymaster: REDIS_URL ends with /service"):
        await add(url)
    with pytest.raises(RedisRefusedError, match="no sentinel leads to mymastr"):
        await started(url)


async def test_a_plain_redis_instead_of_sentinels_is_refused_with_its_own_url(sentinels: SentinelSet) -> None:
    plain = sentinels.primary
    with pytest.raises(RedisRefusedError, match=rf"is no Sentinel; a Redis .* redis://127.0.0.1:{plain.port}"):
        await started(url_of(plain))


async def test_a_password_of_the_sentinels_own_is_asked_for(sentinels: SentinelSet, redis_server: RedisServer) -> None:
    with stray(redis_server) as wants:
        sentinels.ask(wants, "ACL SETUSER", "default", "resetpass", ">hidden")
        with pytest.raises(RedisRefusedError, match=r"wants a password of its own: \?sentinel_password=\.\.\."):
            await started(url_of(wants))
        with pytest.raises(RedisRefusedError, match=r"refuses the user or the password") as refused:
            await started(url_of(wants, query="?sentinel_password=wrong-one"))
        assert "wrong-one" not in str(refused.value)
        await add(url_of(wants, query="?sentinel_password=hidden"))


async def test_sentinels_that_are_all_down_are_waited_for_at_the_start(lines: list[str]) -> None:
    stop = asyncio.Event()
    waiting = asyncio.create_task(started(f"redis+sentinel://127.0.0.1:{free_port()},nowhere.invalid/{SERVICE}", stop))

    async def said() -> list[str]:
        return lines

    await eventually(said, "it says that it waits")
    stop.set()
    assert await waiting == ""
    (line,) = lines
    assert "does not answer yet; trying up to 20 s: no sentinel leads to mymaster" in line
    assert "Connect call failed" in line
    assert "nowhere.invalid:26379 does not answer" in line


async def test_a_primary_that_is_down_is_said_to_be(mortal_redis: RedisServer) -> None:
    with stray(mortal_redis) as alone:
        mortal_redis.kill()

        async def is_said() -> bool:
            with pytest.raises(RedisUnavailableError) as error:
                await add(url_of(alone))
            return f"hold the primary 127.0.0.1:{mortal_redis.port} to be down" in str(error.value)

        await eventually(is_said, "the sentinel's view is told")


class Renaming(TlsProxy):
    """A sentinel behind TLS that names a port behind TLS for the primary."""

    names: tuple[bytes, bytes]

    async def reply(self, link: Link, data: bytes) -> bytes | None:
        return data.replace(*self.names).replace(b"127.0.0.1", b"localhost")  # as the certificate has it


async def test_sentinels_are_asked_over_tls_as_the_servers_are(sentinels: SentinelSet, tmp_path: Path) -> None:
    certificate = write_certificate(tmp_path)
    async with TlsProxy(sentinels.primary, certificate) as primary, Renaming(sentinels.sentinels[0], certificate) as it:
        it.names = (b"%d" % sentinels.primary.port, b"%d" % primary.port)
        url = f"rediss+sentinel://localhost:{it.port}/{SERVICE}?ssl_ca_certs={certificate[0]}"
        await add(url)
        assert (it.handshakes, primary.handshakes) >= (1, 1)
        with pytest.raises((RedisRefusedError, ConfigurationError), match="certificate can't be verified"):
            await started(url.partition("?")[0])
