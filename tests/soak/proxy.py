"""A proxy in front of Redis that can cut connections in the middle of a reply."""

from __future__ import annotations

from midday_worker.testing import RedisServer
from tests.redis_proxy import AT_ONCE, Link, RedisProxy


class CuttingProxy(RedisProxy):
    """Forwards, and cuts when it is told to."""

    def __init__(self, server: RedisServer) -> None:
        super().__init__(server)
        self._to_cut = 0
        self.cuts = 0
        """How many connections have been cut."""

    def cut(self, replies: int) -> None:
        """Let only the first half of so many of the next replies through, and end their connections."""
        self._to_cut += replies

    async def replies(self, link: Link) -> None:
        """Pass on what Redis sends, or half of it."""
        while reply := await link.from_redis.read(AT_ONCE):
            if self._to_cut and len(reply) > 1:
                self._to_cut -= 1
                self.cuts += 1
                link.to_client.write(reply[: len(reply) // 2])
                return
            link.to_client.write(reply)
            await link.to_client.drain()
