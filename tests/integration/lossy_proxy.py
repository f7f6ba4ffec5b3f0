"""A TCP proxy in front of Redis that can lose replies: what was sent arrives, and the connection breaks."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

from midday_worker.testing import RedisServer


class LossyProxy:
    """Forwards to a Redis within `async with`.

    Args:
        server: the Redis.
        victim: a request that holds these bytes reaches Redis, and its reply is lost.
        losses: how many replies are lost.
    """

    def __init__(self, server: RedisServer, victim: bytes, losses: int = 1) -> None:
        self._server = server
        self._victim = victim
        self.losses = losses
        self._listener: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

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
        for writer in self._writers:
            writer.close()
        await asyncio.gather(*self._tasks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        from_redis, to_redis = await asyncio.open_connection(self._server.host, self._server.port)
        self._writers |= {writer, to_redis}
        replies = asyncio.create_task(self._copy(from_redis, writer))
        try:
            while request := await reader.read(1 << 20):
                lose = self._victim in request and self.losses > 0
                if lose:
                    self.losses -= 1
                    replies.cancel()
                    await asyncio.wait({replies})
                to_redis.write(request)
                await to_redis.drain()
                if lose:
                    await from_redis.read(1 << 20)  # Redis has done it
                    return
        except ConnectionError:
            return
        finally:
            replies.cancel()
            await asyncio.gather(replies, return_exceptions=True)
            await self._close(writer, to_redis)

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while reply := await reader.read(1 << 20):
                writer.write(reply)
                await writer.drain()

    async def _close(self, *writers: asyncio.StreamWriter) -> None:
        for writer in writers:
            writer.close()
        for writer in writers:
            with suppress(ConnectionError):
                await writer.wait_closed()
