"""A shared connection's life: connecting, being given up, and ending with its client or its loop."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

import pytest
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ClusterDownError, ConnectionError, ReadOnlyError, TimeoutError

from midday_worker.engine.transport import NeverSentError
from midday_worker.engine.transport.pipelining import PipelinedRedis
from tests.deadline import eventually
from tests.scripted_redis import ScriptedRedis, Words, bulk


def connect(server: ScriptedRedis, **options: object) -> PipelinedRedis:
    from_url = cast("Callable[..., PipelinedRedis]", PipelinedRedis.from_url)  # pyright: ignore[reportUnknownMemberType] - untyped in redis-py
    return from_url(server.url, **options)


async def call(client: PipelinedRedis, *words: str) -> object:
    execute = cast("Callable[..., Awaitable[object]]", client.execute_command)  # pyright: ignore[reportUnknownMemberType] - untyped in redis-py
    return await execute(*words)


def echo(words: Words) -> bytes | None:
    return bulk(words[-1])


async def comes(server: ScriptedRedis, count: int) -> None:
    async def enough() -> bool:
        return len(server.received) >= count

    await eventually(enough, f"{count} commands come")


async def is_closed(server: ScriptedRedis, which: int = 0) -> None:
    async def closing() -> bool:
        return len(server.writers) > which and server.writers[which].is_closing()

    await eventually(closing, "the server sees the connection closed")


async def test_replies_that_come_slowly_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is on silence: what is far behind in the queue isn't given up while those before it are answered."""
    loop, passed_s = asyncio.get_running_loop(), 0.0
    clock = loop.time
    monkeypatch.setattr(loop, "time", lambda: clock() + passed_s)
    async with ScriptedRedis(lambda words: None) as server:
        client = connect(server, socket_timeout=100)
        tasks = [asyncio.create_task(call(client, "ECHO", f"{n}")) for n in range(8)]

        await comes(server, 8)
        for n, task in enumerate(tasks):
            passed_s += 60
            await asyncio.sleep(0.01)  # for timers that are due by now
            server.send(bulk(b"%d" % n))
            assert await task == b"%d" % n
        await client.aclose()
    assert server.connections == 1


async def test_a_client_that_is_forgotten_takes_its_connection_with_it() -> None:
    async with ScriptedRedis(echo) as server:
        client = connect(server)
        await call(client, "ECHO", "a")
        del client
        gc.collect()
        await is_closed(server)


async def test_nobody_is_left_with_an_error_when_all_who_waited_for_the_connection_were_cancelled() -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    async with ScriptedRedis(echo, handshake=False) as server:
        client = connect(server, socket_connect_timeout=0.3)
        waiting = asyncio.create_task(call(client, "ECHO", "a"))
        await asyncio.wait((waiting,), timeout=0.05)
        waiting.cancel()
        await is_closed(server)
        del waiting
        await asyncio.sleep(0)
        gc.collect()
        await client.aclose()
    assert complaints == []


async def test_what_was_given_up_is_not_written_after_all() -> None:
    async with ScriptedRedis(echo) as server:
        client = connect(server, socket_timeout=0.3)
        await call(client, "ECHO", "a")
        reading = cast("asyncio.ReadTransport", server.writers[0].transport)
        reading.pause_reading()
        with pytest.raises(TimeoutError):
            await call(client, "ECHO", "x" * 20_000_000)
        reading.resume_reading()
        await is_closed(server)
        await client.aclose()
    assert server.received == [[b"ECHO", b"a"]]


async def test_a_server_that_closes_every_connection_is_no_endless_loop() -> None:
    async with ScriptedRedis(echo) as server:
        server.close_at_once = True
        client = connect(server)
        results = await asyncio.gather(*(call(client, "ECHO", "a") for _ in range(3)), return_exceptions=True)
        assert all(isinstance(result, ConnectionError) for result in results), results
        await client.aclose()


async def test_closing_reaches_the_connections_of_other_loops() -> None:
    async with ScriptedRedis(lambda words: None if words[-1] == b"owed" else echo(words)) as server:
        client = connect(server)
        await call(client, "ECHO", "here")
        used, stop = threading.Event(), threading.Event()
        after: list[object] = []

        async def elsewhere() -> None:
            await call(client, "ECHO", "there")
            owed = asyncio.create_task(call(client, "ECHO", "owed"))
            await asyncio.sleep(0)
            used.set()
            await asyncio.to_thread(stop.wait, 10)
            after.extend(await asyncio.gather(owed, call(client, "ECHO", "late"), return_exceptions=True))

        thread = asyncio.create_task(asyncio.to_thread(asyncio.run, elsewhere()))
        assert await asyncio.to_thread(used.wait, 10)
        assert server.connections == 2
        await client.aclose()
        await is_closed(server, 0)
        await is_closed(server, 1)
        stop.set()
        await thread
    assert [type(error) for error in after] == [ConnectionError, NeverSentError]


async def test_closing_fails_what_is_in_flight_and_what_comes_after() -> None:
    async with ScriptedRedis(lambda words: None) as server:
        client = connect(server)
        owed = asyncio.create_task(call(client, "ECHO", "a"))
        pipeline = client.pipeline()
        pipeline.incr("a")
        await comes(server, 1)
        await client.aclose()
        (reply,) = await asyncio.gather(owed, return_exceptions=True)
        assert type(reply) is ConnectionError
        later = await asyncio.gather(
            call(client, "ECHO", "b"), call(client, "BLPOP", "list", "1"), return_exceptions=True
        )
        assert all(isinstance(error, NeverSentError) for error in later), later
        with pytest.raises(NeverSentError):
            await pipeline.execute()
        await client.aclose()
    assert server.connections == 1


async def test_closing_while_connecting_fails_who_waits() -> None:
    async with ScriptedRedis(echo, handshake=False) as server:
        client = connect(server)
        waiting = asyncio.create_task(call(client, "ECHO", "a"))

        async def is_connected() -> bool:
            return server.connections == 1

        await eventually(is_connected, "it begins to connect")
        await client.aclose()
        (reply,) = await asyncio.gather(waiting, return_exceptions=True)
    assert isinstance(reply, NeverSentError)


@pytest.mark.parametrize(
    ("refusal", "error", "counts"),
    [
        (b"-READONLY You can't write against a read only replica.\r\n", ReadOnlyError, (1, 1, 1, 1, 2, 2)),
        # So says a node that is cut off, to the end; what it refuses is sent again at once.
        (b"-CLUSTERDOWN The cluster is down\r\n", ClusterDownError, (1, 1, 1, 2, 2, 2)),
    ],
    ids=["demoted", "cut off"],
)
async def test_a_server_that_can_not_serve_is_left_but_not_more_than_once_in_a_second(
    refusal: bytes, error: type[Exception], counts: Sequence[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the URL names a replica, each call would make a connection of its own."""
    loop, passed_s = asyncio.get_running_loop(), 0.0
    clock = loop.time
    monkeypatch.setattr(loop, "time", lambda: clock() + passed_s)
    async with ScriptedRedis(lambda words: refusal) as server:
        client = connect(server, retry=Retry(NoBackoff(), 0))
        for connections in counts:
            with pytest.raises(error):
                await call(client, "SET", "a", "b")
            assert (server.connections, client.generation) == (connections, connections)
            passed_s += 0.4
        await client.aclose()
