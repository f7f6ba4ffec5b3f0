"""One Redis behind a proxy, and what is done to both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, cast

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from midday_worker.engine.redis.connection import RedisConfig, connect
from midday_worker.testing import RedisServer
from tests.redis_proxy import CuttingProxy
from tests.soak.disturber import Deed
from tests.soak.ledger import Ledger
from tests.soak.schedule import REDIS_DECK, Card, Disturbance, Kind

CUTS: Final = 3


class DurableRedis(RedisServer):
    """A Redis that has on disk what it has acknowledged."""

    def _arguments(self, directory: Path, port: int) -> list[str]:
        return [*super()._arguments(directory, port), "--appendfsync", "always"]


class SingleRedis:
    """Notes in the ledger what it does.

    Attributes:
        url: for workers and producers.
        direct_url: for who looks.
        deck: what happens to it.
        deeds: how.
    """

    def __init__(self, server: RedisServer, proxy: CuttingProxy, ledger: Ledger) -> None:
        self._server = server
        self._proxy = proxy
        self._ledger = ledger
        self.url = proxy.url
        self.direct_url = server.url
        self.deck: Sequence[Card] = REDIS_DECK
        self.deeds: Mapping[Kind, Deed] = {
            "redis kill": self._kill_redis,
            "redis pause": self._pause_redis,
            "client kill": self._kill_clients,
            "cut": self._cut,
        }

    def direct(self) -> Redis:
        """Return a client for a thread, past the proxy."""
        return Redis(port=self._server.port, retry=Retry(NoBackoff(), 0))

    @classmethod
    @asynccontextmanager
    async def running(cls, ledger: Ledger) -> AsyncGenerator[SingleRedis]:
        """Start it, and stop it."""
        with DurableRedis(appendonly=True) as server:
            async with CuttingProxy(server) as proxy:
                yield cls(server, proxy, ledger)

    async def _kill_redis(self, disturbance: Disturbance) -> None:
        started = self._now()
        self._server.kill()
        await asyncio.sleep(disturbance.seconds)
        # On this thread: the kernel ends a server with the thread that started it.
        self._server.restart()
        self._ledger.note("redis away", started, until=self._now(), detail="killed")

    async def _pause_redis(self, disturbance: Disturbance) -> None:
        started = self._now()
        await self._command("CLIENT", "PAUSE", str(round(disturbance.seconds * 1000)))
        await asyncio.sleep(disturbance.seconds)
        self._ledger.note("redis away", started, until=self._now(), detail="paused")

    async def _kill_clients(self, disturbance: Disturbance) -> None:
        self._ledger.note("cut", detail="clients killed")
        await self._command("CLIENT", "KILL", "TYPE", "normal")

    async def _cut(self, disturbance: Disturbance) -> None:
        self._ledger.note("cut", detail="in the middle of a reply")
        self._proxy.cut(CUTS)

    async def _command(self, *words: str) -> None:
        async with connect(RedisConfig(self._server.url)) as redis:
            send = cast("Callable[..., Awaitable[object]]", redis.execute_command)  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
            await send(*words)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()  # the ledger's clock, on every loop of asyncio's
