"""A proxy in front of Redis that holds back what Redis answers to certain requests."""

from __future__ import annotations

import asyncio

from midday_worker.testing import RedisServer
from tests.redis_proxy import AT_ONCE, Link, RedisProxy


class SlowProxy(RedisProxy):
    """Forwards, and holds back.

    Args:
        server: the Redis.
        victim: from the first request on that holds these bytes, its connection hears nothing until `release` is set.
    """

    def __init__(self, server: RedisServer, victim: bytes) -> None:
        super().__init__(server)
        self._victim = victim
        self._held: set[Link] = set()
        self.release = asyncio.Event()

    async def requests(self, link: Link) -> None:
        """Pass on what a client sends, and look for the victim in it."""
        while request := await link.from_client.read(AT_ONCE):
            if self._victim in request:
                self._held.add(link)
            link.to_redis.write(request)
            await link.to_redis.drain()

    async def replies(self, link: Link) -> None:
        """Pass on what Redis sends, when it may."""
        while reply := await link.from_redis.read(AT_ONCE):
            if link in self._held:
                await self.release.wait()
            link.to_client.write(reply)
            await link.to_client.drain()
