"""A TCP proxy in front of Redis that can turn into a black hole: connections stay, and nothing gets through."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

from midday_worker.testing import RedisServer


class BlackHole:
    """Forwards to a Redis within `async with`, until `swallow`; again after `forward`.

    Args:
        server: the Redis.
    """

    def __init__(self, server: RedisServer) -> None:
        self._server = server
        self.slow_s = 0.0
        """How long each piece of data is held up."""
        self._open = asyncio.Event()
        self._open.set()
        self._listener: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where clients connect to."""
        assert self._listener is not None
        port: int = self._listener.sockets[0].getsockname()[1]
        return f"redis://127.0.0.1:{port}"

    def swallow(self) -> None:
        """Let nothing through from now on; what comes is lost."""
        self._open.clear()

    def forward(self) -> None:
        """Let everything through again."""
        self._open.set()

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
        from_redis, to_redis = await asyncio.open_connection(self._server.host, self._server.port)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._copy(reader, to_redis))
                group.create_task(self._copy(from_redis, writer))
        finally:
            to_redis.close()
            writer.close()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(1 << 20):
                if self.slow_s:
                    await asyncio.sleep(self.slow_s)
                if self._open.is_set():
                    writer.write(data)
                    await writer.drain()
        writer.close()
