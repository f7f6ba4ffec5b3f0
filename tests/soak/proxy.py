"""A TCP proxy in front of Redis that can cut connections in the middle of a reply."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Final, Self

from midday_worker.testing import RedisServer

_CHUNK: Final = 1 << 18


class CuttingProxy:
    """Forwards to a Redis within `async with`, whether or not the Redis is there just now.

    Args:
        server: the Redis.
    """

    def __init__(self, server: RedisServer) -> None:
        self._address = (server.host, server.port)
        self._listener: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._to_cut = 0
        self.cuts = 0
        """How many connections have been cut."""

    @property
    def url(self) -> str:
        """Where clients connect to."""
        assert self._listener is not None
        port: int = self._listener.sockets[0].getsockname()[1]
        return f"redis://127.0.0.1:{port}"

    def cut(self, replies: int) -> None:
        """Let only the first half of so many of the next replies through, and end their connections."""
        self._to_cut += replies

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", 0)
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
            from_redis, to_redis = await asyncio.open_connection(*self._address)
            writers.append(to_redis)
            await self._forward(reader, to_redis, from_redis, writer)
        except (OSError, asyncio.CancelledError):
            return  # Redis, or the client, is gone
        finally:
            self._tasks.discard(task)
            for each in writers:
                each.close()

    async def _forward(
        self,
        from_client: asyncio.StreamReader,
        to_redis: asyncio.StreamWriter,
        from_redis: asyncio.StreamReader,
        to_client: asyncio.StreamWriter,
    ) -> None:
        both = {
            asyncio.create_task(self._copy_requests(from_client, to_redis)),
            asyncio.create_task(self._copy_replies(from_redis, to_client)),
        }
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    async def _copy_requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await reader.read(_CHUNK):
            writer.write(request)
            await writer.drain()

    async def _copy_replies(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while reply := await reader.read(_CHUNK):
            if self._to_cut and len(reply) > 1:
                self._to_cut -= 1
                self.cuts += 1
                writer.write(reply[: len(reply) // 2])
                return
            writer.write(reply)
            await writer.drain()
