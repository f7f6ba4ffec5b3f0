"""The pipelined client against a scripted server: what is written when, and whose reply is whose."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Protocol, cast

import pytest
from redis._parsers import (
    _AsyncHiredisParser,  # pyright: ignore[reportPrivateUsage] - to choose between redis-py's parsers
    _AsyncRESP2Parser,  # pyright: ignore[reportPrivateUsage]
)
from redis.asyncio import Redis
from redis.client import NEVER_DECODE
from redis.exceptions import ConnectionError, ResponseError, TimeoutError

from midday_worker.engine.redis.error_translation import was_never_sent
from midday_worker.engine.transport import NeverSentError
from midday_worker.engine.transport.pipelining import PipelinedRedis
from tests.deadline import eventually
from tests.scripted_redis import OK, ScriptedRedis, Words, bulk


class Connect(Protocol):
    def __call__(
        self, server: ScriptedRedis, query: str = "", *, timeout_s: float = 20, connect_timeout_s: float = 20
    ) -> PipelinedRedis: ...


@pytest.fixture(params=[_AsyncHiredisParser, _AsyncRESP2Parser], ids=["hiredis", "python"])
def parser(request: pytest.FixtureRequest) -> object:
    """Each test runs with hiredis and with redis-py's own parser."""
    return request.param


@pytest.fixture
def connect(parser: object) -> Connect:
    from_url = cast("Callable[..., PipelinedRedis]", PipelinedRedis.from_url)  # pyright: ignore[reportUnknownMemberType] - untyped in redis-py

    def connect(
        server: ScriptedRedis, query: str = "", *, timeout_s: float = 20, connect_timeout_s: float = 20
    ) -> PipelinedRedis:
        limits = {"socket_timeout": timeout_s, "socket_connect_timeout": connect_timeout_s}
        return from_url(server.url + query, parser_class=parser, **limits)

    return connect


def call(client: Redis, *words: str | bytes, **options: object) -> asyncio.Task[object]:
    """Issue a command in this turn's end."""
    execute = cast("Callable[..., Awaitable[object]]", client.execute_command)  # pyright: ignore[reportUnknownMemberType] - untyped in redis-py

    async def run() -> object:
        return await execute(*words, **options)

    return asyncio.create_task(run())


def echo(words: Words) -> bytes | None:
    return bulk(words[-1])


def silence(words: Words) -> bytes | None:
    return None


def silence_after(first: bytes) -> Callable[[Words], bytes | None]:
    return lambda words: OK if words[-1] == first else None


async def received(server: ScriptedRedis, count: int) -> None:
    async def enough() -> bool:
        return len(server.received) >= count

    await eventually(enough, f"{count} commands come")


async def outcomes(*tasks: asyncio.Task[object]) -> list[object]:
    async with asyncio.timeout(10):
        return list(await asyncio.gather(*tasks, return_exceptions=True))


async def test_commands_of_one_turn_go_out_in_one_write(connect: Connect) -> None:
    async with ScriptedRedis(echo) as server, connect(server) as client:
        await call(client, "ECHO", "first")
        replies = await outcomes(*(call(client, "ECHO", f"{n}") for n in range(100)))
    assert replies == [b"%d" % n for n in range(100)]
    assert server.reads == [1, 100]


async def test_commands_before_the_connection_is_there_share_one(connect: Connect) -> None:
    async with ScriptedRedis(echo) as server, connect(server) as client:
        tasks = [call(client, "ECHO", f"{n}") for n in range(50)]
        await asyncio.sleep(0)
        tasks[0].cancel()  # the one that began to connect
        replies = await outcomes(*tasks)
    assert replies[1:] == [b"%d" % n for n in range(1, 50)]
    assert server.connections == 1


async def test_the_reply_to_a_cancelled_caller_goes_to_nobody_else(connect: Connect) -> None:
    async with ScriptedRedis(silence) as server, connect(server) as client:
        first, second, third = (call(client, "ECHO", name) for name in ("a", "b", "c"))
        await received(server, 3)
        second.cancel()
        server.send(bulk(b"a") + bulk(b"b") + bulk(b"c"))
        replies = await outcomes(first, second, third)
    assert (replies[0], replies[2]) == (b"a", b"c")
    assert isinstance(replies[1], asyncio.CancelledError)


async def test_what_is_cancelled_before_it_is_written_is_not_written(connect: Connect) -> None:
    async with ScriptedRedis(echo) as server, connect(server) as client:
        await call(client, "ECHO", "first")
        cancelled, kept = call(client, "ECHO", "cancelled"), call(client, "ECHO", "kept")
        await asyncio.sleep(0)  # both are queued, and written when this turn ends
        cancelled.cancel()
        assert await kept == b"kept"
    assert server.received == [[b"ECHO", b"first"], [b"ECHO", b"kept"]]
    assert cancelled.cancelled()


async def test_an_error_from_the_server_goes_to_its_caller_alone(connect: Connect) -> None:
    def answer(words: Words) -> bytes | None:
        return {b"wrong": b"-WRONGTYPE no\r\n", b"loading": b"-LOADING wait\r\n"}.get(words[-1]) or bulk(words[-1])

    async with ScriptedRedis(answer) as server, connect(server) as client:
        words = ("a", "wrong", "b", "loading", "c")
        replies = await outcomes(*(call(client, "ECHO", word) for word in words))
    assert (replies[0], replies[2], replies[4]) == (b"a", b"b", b"c")
    assert isinstance(replies[1], ResponseError)
    assert isinstance(replies[3], ConnectionError)
    assert server.connections == 1


async def test_a_reply_that_can_not_be_decoded_is_an_error_of_its_caller_alone(
    connect: Connect, parser: object
) -> None:
    def answer(words: Words) -> bytes | None:
        return bulk(b"\xff") if words[-1] == b"bad" else bulk(words[-1])

    async with ScriptedRedis(answer) as server, connect(server, "?decode_responses=True") as client:
        replies = await outcomes(*(call(client, "ECHO", word) for word in ("a", "bad", "b")))
        raw = await outcomes(call(client, "ECHO", "a"), call(client, "ECHO", "bad", **{NEVER_DECODE: True}))
    assert replies[0] == "a"
    assert isinstance(replies[1], UnicodeDecodeError)
    # redis-py's own parser leaves such a reply half read: the connection is given up, and nothing is mismatched.
    assert replies[2] == "b" if parser is _AsyncHiredisParser else isinstance(replies[2], ConnectionError)
    assert raw == ["a", b"\xff"]


async def test_a_connection_that_breaks_in_a_reply_fails_what_is_in_flight_and_repeats_nothing(
    connect: Connect,
) -> None:
    async with ScriptedRedis(silence) as server, connect(server) as client:
        tasks = [call(client, "INCR", name) for name in ("a", "b", "c")]
        await received(server, 3)
        server.send(b":1\r\n$10\r\nhalf")
        await tasks[0]
        late = call(client, "INCR", "d")
        await received(server, 4)
        server.hang_up()
        replies = await outcomes(*tasks, late)
        assert replies[0] == 1
        assert all(type(reply) is ConnectionError for reply in replies[1:]), replies
        assert len({id(reply) for reply in replies[1:]}) == 3
        assert not any(was_never_sent(cast("ConnectionError", reply)) for reply in replies[1:])
        again = call(client, "INCR", "e")
        await received(server, 5)
        server.send(b":5\r\n")
        assert await again == 5
    assert [words[1] for words in server.received] == [b"a", b"b", b"c", b"d", b"e"]


async def test_what_was_not_written_when_the_connection_broke_was_never_sent(connect: Connect) -> None:
    async with ScriptedRedis(silence) as server, connect(server) as client:
        client.max_in_flight_bytes = 100
        tasks = [call(client, "SET", f"key-{n}", "x" * 50) for n in range(5)]
        await received(server, 1)
        server.hang_up()
        replies = await outcomes(*tasks)
    assert [was_never_sent(cast("ConnectionError", reply)) for reply in replies] == [False, True, True, True, True]
    assert all(isinstance(reply, NeverSentError) for reply in replies[1:])
    assert len(server.received) == 1


async def test_callers_wait_while_the_bytes_in_flight_are_at_their_bound(connect: Connect) -> None:
    held: list[bytes] = []

    def hold(words: Words) -> bytes | None:
        held.append(words[1])
        return None

    async with ScriptedRedis(hold) as server, connect(server) as client:
        client.max_in_flight_bytes = 300
        tasks = [call(client, "ECHO", f"{n:03}", "x" * 50) for n in range(20)]
        tasks[7].cancel()
        most = 0
        while len(held) < 19:
            before = len(server.received)
            await received(server, before + 1)
            owed = len(held) - sum(task.done() and not task.cancelled() for task in tasks)
            most = max(most, owed)
            server.send(b"".join(bulk(name) for name in held[-owed:]))
            await asyncio.gather(*(tasks[int(name)] for name in held))
        assert [task.cancelled() or task.result() for task in tasks] == [
            True if n == 7 else b"%03d" % n for n in range(20)
        ]
    assert 1 < most <= 300 // 50


async def test_silence_while_a_reply_is_owed_fails_everything_in_flight_and_drops_the_connection(
    connect: Connect,
) -> None:
    async with ScriptedRedis(silence_after(b"fine")) as server, connect(server, timeout_s=0.2) as client:
        await call(client, "ECHO", "fine")
        replies = await outcomes(call(client, "ECHO", "a"), call(client, "ECHO", "b"))
        assert all(type(reply) is TimeoutError and "Timeout reading from" in str(reply) for reply in replies), replies
        assert await call(client, "ECHO", "fine") == b"OK"
    assert server.connections == 2


@pytest.mark.parametrize(("timeout_s", "connect_timeout_s"), [(20, 0.2), (0.2, 20)])
async def test_a_server_that_does_not_answer_the_handshake_is_given_up_in_time(
    connect: Connect, timeout_s: float, connect_timeout_s: float
) -> None:
    async with ScriptedRedis(echo, handshake=False) as server:
        client = connect(server, timeout_s=timeout_s, connect_timeout_s=connect_timeout_s)
        replies = await outcomes(call(client, "ECHO", "a"), call(client, "ECHO", "b"))
        await client.aclose()
    assert all(isinstance(reply, TimeoutError) and isinstance(reply, NeverSentError) for reply in replies), replies
    assert server.received == []


async def test_what_can_not_connect_was_never_sent(connect: Connect) -> None:
    async with ScriptedRedis(echo) as server:
        client = connect(server)
    replies = await outcomes(call(client, "ECHO", "a"), call(client, "ECHO", "b"))
    assert all(isinstance(reply, NeverSentError) and re.search("connecting to", str(reply)) for reply in replies)
    await client.aclose()


WAYS: dict[str, Callable[[PipelinedRedis], Awaitable[object]]] = {
    "command": lambda client: call(client, "GET", "a"),
    "script": lambda client: client.call_script("return 1", ("EVALSHA", "sha", 1, "a")),
    "transaction": lambda client: client.run_transaction([("GET", "a")]),
}
UNDONE = ["-MOVED 1 127.0.0.1:1", "-ASK 1 127.0.0.1:1", "-TRYAGAIN later", "-CLUSTERDOWN it is down", "-LOADING data"]


@pytest.mark.parametrize("refusal", UNDONE)
@pytest.mark.parametrize("way", list(WAYS))
async def test_what_was_not_done_is_sent_again(connect: Connect, way: str, refusal: str) -> None:
    """Once at least; what has moved goes out on a new connection."""
    left = [refusal.encode() + b"\r\n"]

    def answer(words: Words) -> bytes:
        name = words[0].upper()
        if name == b"MULTI":
            return OK
        if name == b"EXEC":
            return b"-EXECABORT a command was refused\r\n" if len(left) == 0 and aborted.pop() else b"*1\r\n$1\r\n1\r\n"
        if left:
            aborted.append(True)
            return left.pop()
        return b"+QUEUED\r\n" if way == "transaction" else bulk(b"1")

    aborted = [False, False]
    async with ScriptedRedis(answer) as server, connect(server) as client:
        if way == "transaction":  # which is tried first
            aborted.append(False)
        async with asyncio.timeout(10):
            outcome = await WAYS[way](client)
    assert outcome in ([b"1"], b"1", ["1"], "1")
    assert server.connections == (2 if "MOVED" in refusal else 1)


async def test_what_was_under_way_as_one_command_had_moved_gets_its_own_reply(connect: Connect) -> None:
    """A node that gives up a slot has carried out what came before, and says MOVED to the rest."""
    async with ScriptedRedis(silence) as server, connect(server) as client:
        first, moved, third = (call(client, "ECHO", name) for name in ("a", "moved", "c"))
        await received(server, 3)
        server.send(bulk(b"a") + b"-MOVED 1 127.0.0.1:1\r\n")
        assert await first == b"a"
        (old,) = server.writers
        old.write(bulk(b"c"))
        assert await third == b"c"
        await received(server, 4)
        server.send(bulk(b"moved"))
        assert await moved == b"moved"
    assert server.connections == 2


async def test_a_push_between_replies_is_no_reply(connect: Connect) -> None:
    async with ScriptedRedis(silence) as server, connect(server, "?protocol=3") as client:
        push = b">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n"
        first, second = call(client, "ECHO", "a"), call(client, "ECHO", "b")
        await received(server, 2)
        server.send(push + bulk(b"a") + push + bulk(b"b") + push)
        assert await outcomes(first, second) == [b"a", b"b"]
        third = call(client, "ECHO", "c")
        await received(server, 3)
        server.send(bulk(b"c"))
        assert await third == b"c"
    assert server.connections == 1


async def test_a_reply_that_nobody_asked_for_ends_the_connection_not_the_order_of_replies(connect: Connect) -> None:
    async with ScriptedRedis(echo) as server, connect(server) as client:
        await call(client, "ECHO", "a")
        server.send(bulk(b"stray"))

        async def is_gone() -> bool:
            return server.writers[0].is_closing()

        await eventually(is_gone, "the connection is given up")
        assert await call(client, "ECHO", "b") == b"b"
    assert server.connections == 2
