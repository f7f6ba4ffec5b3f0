"""Many connections to the HTTP side, over real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from midday_worker.settings.http_address import HttpAddress
from midday_worker.workers.http.connections import MOST_CONNECTIONS
from midday_worker.workers.http.listener import listen, listening_on
from midday_worker.workers.http.server import HttpSide
from tests.deadline import eventually
from tests.silent_connections import ended, is_closed, silent
from tests.unit.workers.http.test_app import Service, ask


class SlowRoute:
    """`/slow` is answered when the test says so; the rest as ever."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = asyncio.Event()
        self._others: ASGIApp | None = None

    def around(self, app: ASGIApp) -> ASGIApp:
        """Take its place."""
        self._others = app
        return self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != "/slow":
            assert self._others is not None
            await self._others(scope, receive, send)
            return
        self.asked += 1
        await self.may_answer.wait()
        await PlainTextResponse("at last")(scope, receive, send)

    async def has_been_asked(self, times: int) -> None:
        """Wait for that many requests."""

        async def asked() -> bool:
            return self.asked == times

        await eventually(asked, f"{times} requests for /slow")


@pytest.mark.parametrize("said", [b"", b"GET /health HTTP/1.1\r\nHost: local"])
async def test_however_many_say_nothing_whoever_asks_is_answered(said: bytes) -> None:
    """As many are open as may be: the one that has been silent for longest gives way."""
    listener = listen(HttpAddress("127.0.0.1", 0))
    where = listening_on(listener)
    async with HttpSide(listener).serving(Service()), silent(where, MOST_CONNECTIONS + 50, said) as readers:
        for _ in range(3):
            assert '{"status":"ok"' in await ask(where, "/health")
        await ended(readers, 50)
        assert all(map(is_closed, readers[:50]))
        assert not any(map(is_closed, readers[60:]))


@pytest.mark.parametrize(
    "said",
    [
        b"POST /body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{",
        b"POST /body HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
        b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
    ids=["half a body", "half a chunked body", "an answer that nobody reads"],
)
async def test_however_many_let_themselves_be_waited_for_whoever_asks_is_answered(said: bytes) -> None:
    """The server waits for them, not they for it: they are silent too."""

    asked = 0

    async def large() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 65_536

    def around(others: ASGIApp) -> ASGIApp:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["path"] == "/health":
                await others(scope, receive, send)
                return
            nonlocal asked
            asked += 1
            with suppress(ClientDisconnect):
                await Request(scope, receive).body()
                await StreamingResponse(large())(scope, receive, send)

        return app

    listener = listen(HttpAddress("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
    where = listening_on(listener)
    async with HttpSide(listener).serving(Service(), around), silent(where, MOST_CONNECTIONS + 10, said):

        async def all_taken() -> bool:
            return asked >= MOST_CONNECTIONS

        await eventually(all_taken, "the server waits for as many as may be")
        for _ in range(3):
            assert '{"status":"ok"' in await ask(where, "/health")


async def test_of_those_that_come_at_once_too_no_more_stay_than_may_be() -> None:
    listener = listen(HttpAddress("127.0.0.1", 0))
    where = listening_on(listener)
    burst = 2 * MOST_CONNECTIONS
    async with HttpSide(listener).serving(Service()), silent(where, burst, side_by_side=burst) as readers:
        await ended(readers, burst - MOST_CONNECTIONS)
        assert '{"status":"ok"' in await ask(where, "/health")


async def test_one_that_is_being_answered_does_not_give_way() -> None:
    listener = listen(HttpAddress("127.0.0.1", 0))
    where = listening_on(listener)
    slow = SlowRoute()
    async with HttpSide(listener).serving(Service(), slow.around):
        answer = asyncio.create_task(ask(where, "/slow"))
        await slow.has_been_asked(1)
        async with silent(where, MOST_CONNECTIONS + 50) as readers:
            await ended(readers, 51)
            slow.may_answer.set()
            assert (await answer).endswith("at last")


async def test_while_as_many_are_being_answered_as_may_be_the_next_is_refused() -> None:
    listener = listen(HttpAddress("127.0.0.1", 0))
    where = listening_on(listener)
    slow = SlowRoute()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(HttpSide(listener).serving(Service(), slow.around))
        answers = [asyncio.create_task(ask(where, "/slow")) for _ in range(MOST_CONNECTIONS)]
        await slow.has_been_asked(MOST_CONNECTIONS)
        assert (await ask(where, "/health")).startswith("HTTP/1.1 503")
        slow.may_answer.set()
        assert all(answer.endswith("at last") for answer in await asyncio.gather(*answers))
        assert (await ask(where, "/health")).startswith("HTTP/1.1 200")
