"""A proxy in front of Redis that can lose replies: what was sent arrives, and the connection breaks."""

from __future__ import annotations

from midday_worker.testing import RedisServer
from tests.redis_proxy import AT_ONCE, Link, RedisProxy


class LossyProxy(RedisProxy):
    """Forwards, and loses.

    Args:
        server: the Redis.
        victim: a request that holds these bytes reaches Redis, and its reply is lost.
        losses: how many replies are lost.
    """

    def __init__(self, server: RedisServer, victim: bytes, losses: int = 1) -> None:
        super().__init__(server)
        self._victim = victim
        self._losing: set[Link] = set()
        self.losses = losses

    async def requests(self, link: Link) -> None:
        """Pass on what a client sends, and look for the victim in it."""
        while request := await link.from_client.read(AT_ONCE):
            if self._victim in request and self.losses > 0:
                self.losses -= 1
                self._losing.add(link)
            link.to_redis.write(request)
            await link.to_redis.drain()

    async def replies(self, link: Link) -> None:
        """Pass on what Redis sends, until it is what is to be lost: Redis has done it by then."""
        while reply := await link.from_redis.read(AT_ONCE):
            if link in self._losing:
                return
            link.to_client.write(reply)
            await link.to_client.drain()
