"""`RedisProxy`: a TCP proxy in front of Redis, to be made into one that does harm."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from midday_worker.testing import RedisServer

AT_ONCE: Final = 1 << 20
"""How much is read at once, in bytes."""


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """One client's connection and the one to Redis."""

    from_client: asyncio.StreamReader
    to_client: asyncio.StreamWriter
    from_redis: asyncio.StreamReader
    to_redis: asyncio.StreamWriter


class RedisProxy:
    """Forwards to a Redis within `async with`, whether or not the Redis is there just now.

    Args:
        server: the Redis.
        tls: what clients are greeted with; they come without TLS if it is None.
    """

    def __init__(self, server: RedisServer, tls: ssl.SSLContext | None = None) -> None:
        self._server = server
        self._tls = tls
        self._listener: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._listener is not None
        port: int = self._listener.sockets[0].getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """Where clients connect to."""
        return f"redis://127.0.0.1:{self.port}"

    async def requests(self, link: Link) -> None:
        """Pass on what a client sends, until it ends."""
        while request := await link.from_client.read(AT_ONCE):
            link.to_redis.write(request)
            await link.to_redis.drain()

    async def replies(self, link: Link) -> None:
        """Pass on what Redis sends, until it ends."""
        while reply := await link.from_redis.read(AT_ONCE):
            link.to_client.write(reply)
            await link.to_client.drain()

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._listener is not None
        self._listener.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        writers = [writer]
        try:
            from_redis, to_redis = await asyncio.open_connection(self._server.host, self._server.port)
            writers.append(to_redis)
            await self._forward(Link(reader, writer, from_redis, to_redis))
        except (OSError, asyncio.CancelledError):
            return  # Redis isn't there, or it is the end: asyncio would write that down as the connection's error
        finally:
            for each in writers:
                each.close()
            self._tasks.discard(task)

    async def _forward(self, link: Link) -> None:
        both = {asyncio.create_task(self.requests(link)), asyncio.create_task(self.replies(link))}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)
