"""A proxy in front of Redis that can turn into a black hole: connections stay, and nothing gets through."""

from __future__ import annotations

import asyncio

from midday_worker.testing import RedisServer
from tests.redis_proxy import AT_ONCE, Link, RedisProxy


class BlackHole(RedisProxy):
    """Forwards until `swallow`; again after `forward`."""

    def __init__(self, server: RedisServer) -> None:
        super().__init__(server)
        self.slow_s = 0.0
        """How long each piece of data is held up."""
        self._open = asyncio.Event()
        self._open.set()

    def swallow(self) -> None:
        """Let nothing through from now on; what comes is lost."""
        self._open.clear()

    def forward(self) -> None:
        """Let everything through again."""
        self._open.set()

    async def requests(self, link: Link) -> None:
        """Pass on what a client sends, unless it is swallowed."""
        await self._copy(link.from_client, link.to_redis)

    async def replies(self, link: Link) -> None:
        """Pass on what Redis sends, unless it is swallowed."""
        await self._copy(link.from_redis, link.to_client)

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(AT_ONCE):
            if self.slow_s:
                await asyncio.sleep(self.slow_s)
            if self._open.is_set():
                writer.write(data)
                await writer.drain()
