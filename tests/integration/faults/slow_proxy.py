"""A TCP proxy in front of Redis that holds back what Redis answers to certain requests."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

from midday_worker.testing import RedisServer


class SlowProxy:
    """Forwards to a Redis within `async with`.

    Args:
        server: the Redis.
        victim: from the first request on that holds these bytes, its connection hears nothing until `release` is set.
    """

    def __init__(self, server: RedisServer, victim: bytes) -> None:
        self._server = server
        self._victim = victim
        self.release = asyncio.Event()
        self._listener: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where clients connect to."""
        assert self._listener is not None
        port: int = self._listener.sockets[0].getsockname()[1]
        return f"redis://127.0.0.1:{port}"

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._listener is not None
        self._listener.close()
        self.release.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_redis, to_redis = await asyncio.open_connection(self._server.host, self._server.port)
        held = asyncio.Event()
        copies = {
            asyncio.create_task(self._requests(reader, to_redis, held)),
            asyncio.create_task(self._replies(from_redis, writer, held)),
        }
        self._tasks |= copies
        await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
        for stream in (writer, to_redis):
            stream.close()

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, held: asyncio.Event) -> None:
        with suppress(ConnectionError):
            while request := await reader.read(1 << 20):
                if self._victim in request:
                    held.set()
                writer.write(request)
                await writer.drain()

    async def _replies(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, held: asyncio.Event) -> None:
        with suppress(ConnectionError):
            while reply := await reader.read(1 << 20):
                if held.is_set():
                    await self.release.wait()
                writer.write(reply)
                await writer.drain()
