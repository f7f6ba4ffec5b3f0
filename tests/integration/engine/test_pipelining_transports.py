"""The pipelined client over TLS and Unix sockets, with passwords and databases, with uvloop, and without hiredis."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import cast

import pytest
import uvloop
from redis import Redis as SyncRedis
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, ConnectionError

from midday_worker.engine.transport.pipelining import PipelinedRedis
from midday_worker.testing import RedisServer
from tests.integration.jobs.certificate import write_certificate

LOOPS: list[Callable[[], asyncio.AbstractEventLoop]] = [asyncio.new_event_loop, uvloop.new_event_loop]


def client_of(url: str, **options: object) -> PipelinedRedis:
    from_url = cast("Callable[..., PipelinedRedis]", PipelinedRedis.from_url)  # pyright: ignore[reportUnknownMemberType] - untyped in redis-py
    return from_url(url, decode_responses=True, **options)


async def call(client: Redis, *words: object) -> object:
    execute = cast("Callable[..., Awaitable[object]]", client.execute_command)  # pyright: ignore[reportUnknownMemberType] - untyped in redis-py
    return await execute(*words)


async def exchange(client: PipelinedRedis) -> None:
    """Many commands at once, small and large."""
    texts = [f"{n}" + "x" * (300_000 if n % 20 == 0 else 10) for n in range(100)]
    assert await asyncio.gather(*(call(client, "ECHO", text) for text in texts)) == texts


@asynccontextmanager
async def front(server: RedisServer, **where: object) -> AsyncGenerator[asyncio.Server]:
    """Something before a Redis that speaks TLS, or listens on a Unix socket."""

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionResetError, BrokenPipeError, ssl.SSLError):
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there = await asyncio.open_connection(server.host, server.port)
        await asyncio.gather(copy(reader, there), copy(there_reader, writer))

    start = cast(
        "Callable[..., Awaitable[asyncio.Server]]",
        asyncio.start_unix_server if "path" in where else asyncio.start_server,
    )
    listener = await start(serve, **where)
    async with listener:
        yield listener


@pytest.mark.parametrize("loop", LOOPS, ids=["asyncio", "uvloop"])
def test_tls(redis_server: RedisServer, tmp_path: Path, loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    certificate, key = write_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def run() -> None:
        async with front(redis_server, host="localhost", port=0, ssl=context) as listener:
            port: int = listener.sockets[0].getsockname()[1]
            url = f"rediss://localhost:{port}"
            async with client_of(url, ssl_ca_certs=str(certificate)) as client:
                await exchange(client)
            async with client_of(url) as stranger:
                with pytest.raises(ConnectionError, match="certificate"):
                    await call(stranger, "PING")

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(run())


@pytest.mark.parametrize("loop", LOOPS, ids=["asyncio", "uvloop"])
def test_a_unix_socket(
    redis_server: RedisServer, tmp_path: Path, loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def run() -> None:
        path = tmp_path / "s"
        async with front(redis_server, path=str(path)), client_of(f"unix://{path}") as client:
            await exchange(client)

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(run())


SET_KEY = "return redis.call('SET', KEYS[1], '')"


def much(client: Redis, prefix: str) -> list[Coroutine[object, object, object]]:
    return [call(client, "SET", f"{prefix}:{n}", "x" * 1_000) for n in range(40)]


def scripts(client: Redis, prefix: str) -> list[Coroutine[object, object, object]]:
    assert isinstance(client, PipelinedRedis)
    sha = hashlib.sha1(SET_KEY.encode(), usedforsecurity=False).hexdigest()
    return [client.run_script(sha, SET_KEY, [f"{prefix}:{n}"], []) for n in range(5)]


@pytest.mark.parametrize("sent", [much, scripts])
@pytest.mark.parametrize("loop", LOOPS, ids=["asyncio", "uvloop"])
def test_of_much_that_is_sent_in_one_turn_redis_has_the_first_before_the_turn_ends(
    redis_server: RedisServer,
    redis_prefix: str,
    loop: Callable[[], asyncio.AbstractEventLoop],
    sent: Callable[[Redis, str], list[Coroutine[object, object, object]]],
) -> None:

    async def run() -> None:
        async with client_of(redis_server.url) as client:
            await call(client, "PING")
            await call(client, "SCRIPT LOAD", SET_KEY)
            commands = sent(client, redis_prefix)
            for command in commands[:-1]:
                asyncio.get_running_loop().call_soon(command.send, None)  # each up to where it waits for its reply
            last = asyncio.create_task(commands[-1])
            seen = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_soon(lambda: seen.set_result(_exists(redis_server, f"{redis_prefix}:0")))
            assert await seen
            await last
            for command in commands[:-1]:
                command.close()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(run())


@pytest.mark.parametrize("loop", LOOPS, ids=["asyncio", "uvloop"])
def test_one_packed_call_is_written_at_once_when_redis_has_nothing_to_do(
    redis_server: RedisServer, redis_prefix: str, loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    key = f"{redis_prefix}:one"

    async def run() -> None:
        async with client_of(redis_server.url) as client:
            await call(client, "PING")
            words = ["EVAL", "return redis.call('SET', KEYS[1], 'x')", "1", key]
            packed = "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
            sent = client.post(f"*{len(words)}\r\n{packed}".encode())
            assert sent is not None
            assert _exists(redis_server, key)
            assert await sent.future == "OK"

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(run())


def _exists(server: RedisServer, key: str) -> bool:
    """Ask on another connection, without giving the loop a turn."""
    with SyncRedis(host=server.host, port=server.port) as client:
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            if client.exists(key):
                return True
    return False


@pytest.mark.parametrize("protocol", [2, 3])
async def test_user_password_database_and_name(mortal_redis: RedisServer, protocol: int) -> None:
    async with client_of(mortal_redis.url) as admin:
        await call(admin, "ACL SETUSER", "worker", "on", ">secret", "~*", "+@all")
        await call(admin, "CONFIG SET", "requirepass", "other")
    address = f"{mortal_redis.host}:{mortal_redis.port}"
    url = f"redis://worker:secret@{address}/3?client_name=me&protocol={protocol}"
    async with client_of(url) as client:
        await call(client, "SET", "key", "value")
        info = cast("dict[str, str]", await call(client, "CLIENT INFO"))
        assert (info["user"], str(info["db"]), info["name"]) == ("worker", "3", "me")
    async with client_of(f"redis://worker:wrong@{address}") as wrong:
        errors = await asyncio.gather(call(wrong, "GET", "key"), call(wrong, "GET", "key"), return_exceptions=True)
    assert [type(error) for error in errors] == [AuthenticationError, AuthenticationError]


WITHOUT_HIREDIS = """
import asyncio, sys
sys.modules["hiredis"] = None
from redis.utils import HIREDIS_AVAILABLE
from midday_worker.engine.redis.connection import RedisConfig, connect

async def main():
    assert not HIREDIS_AVAILABLE
    async with connect(RedisConfig(sys.argv[1])) as client:
        texts = [f"{n}" + "x" * (100_000 if n % 20 == 0 else 10) for n in range(100)]
        assert await asyncio.gather(*(client.echo(text) for text in texts)) == texts
        script = client.register_script("return KEYS[1]")
        assert await asyncio.gather(*(script(keys=[f"{n}"]) for n in range(50))) == [f"{n}" for n in range(50)]

asyncio.run(main())
print("well")
"""


def test_without_hiredis(redis_server: RedisServer) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT_HIREDIS, redis_server.url],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("well\n", "")
