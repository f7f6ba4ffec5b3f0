"""A shared connection's life: connecting, being given up, and ending with its client or its loop."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Awaitable, Callable
from typing import cast

from redis.exceptions import ConnectionError

from midday_worker.engine.pipelining import PipelinedRedis
from midday_worker.engine.unsent import NeverSentError
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


async def is_closed(server: ScriptedRedis, which: int = 0) -> None:
    async def closing() -> bool:
        return len(server.writers) > which and server.writers[which].is_closing()

    await eventually(closing, "the server sees the connection closed")


async def test_replies_that_come_slowly_are_waited_for() -> None:
    """The limit is on silence: what is far behind in the queue isn't given up while those before it are answered."""
    async with ScriptedRedis(lambda words: None) as server:
        client = connect(server, socket_timeout=1.5)
        tasks = [asyncio.create_task(call(client, "ECHO", f"{n}")) for n in range(8)]

        async def all_came() -> bool:
            return len(server.received) == 8

        await eventually(all_came, "the commands come")
        for n in range(8):
            await asyncio.sleep(0.3)  # in sum more than the limit, each less
            server.send(bulk(b"%d" % n))
        assert await asyncio.gather(*tasks) == [b"%d" % n for n in range(8)]
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
        gc.collect()
        await client.aclose()
    assert complaints == []


async def test_a_server_that_closes_every_connection_is_no_endless_loop() -> None:
    async with ScriptedRedis(echo) as server:
        server.close_at_once = True
        client = connect(server)
        results = await asyncio.gather(*(call(client, "ECHO", "a") for _ in range(3)), return_exceptions=True)
        assert all(isinstance(result, ConnectionError) for result in results), results
        await client.aclose()


async def test_closing_reaches_the_connections_of_other_loops() -> None:
    async with ScriptedRedis(echo) as server:
        client = connect(server)
        await call(client, "ECHO", "here")
        used, stop = threading.Event(), threading.Event()
        after: list[object] = []

        async def elsewhere() -> None:
            await call(client, "ECHO", "there")
            used.set()
            await asyncio.to_thread(stop.wait, 10)
            after.extend(await asyncio.gather(call(client, "ECHO", "late"), return_exceptions=True))

        thread = asyncio.create_task(asyncio.to_thread(asyncio.run, elsewhere()))
        assert await asyncio.to_thread(used.wait, 10)
        assert server.connections == 2
        await client.aclose()
        await is_closed(server, 0)
        await is_closed(server, 1)
        stop.set()
        await thread
    assert [type(error) for error in after] == [NeverSentError]
