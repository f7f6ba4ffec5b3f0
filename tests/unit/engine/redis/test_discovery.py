"""Watching whether a connection's server is still the primary."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, cast

import pytest

from midday_worker.engine.redis import discovery
from midday_worker.engine.redis.discovery import FoundConnection, SentinelDiscovery
from midday_worker.engine.redis.sentinels import Place
from midday_worker.settings.redis_address import RedisAddress

OLD, NEW = ("127.0.0.1", 1), ("127.0.0.1", 2)


@dataclass(eq=False)
class Opened:
    """A connection, as far as it is watched."""

    host: str = OLD[0]
    port: int = OLD[1]
    is_open: bool = True
    tls: tuple[()] = ()
    is_cut: asyncio.Event = field(default_factory=asyncio.Event)

    def cut(self) -> None:
        self.is_cut.set()
        self.is_open = False


class Asked:
    """Sentinels that say what they are told to, and whose connections take as long to close as they are told to."""

    primary: Place = OLD

    def __init__(self) -> None:
        self.looks = asyncio.Event()
        self.closes = asyncio.Event()
        self.may_close = asyncio.Event()

    def __call__(self, *_args: object) -> Self:
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closes.set()
        await self.may_close.wait()

    async def find(self) -> Place:
        self.looks.set()
        return self.primary


async def test_a_connection_made_as_the_watch_ends_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a failover: the last connection is lost, and the next one made at once."""
    asked = Asked()
    monkeypatch.setattr(discovery, "Sentinels", asked)
    monkeypatch.setattr(discovery, "LOOK_S", 0.01)
    found = SentinelDiscovery(RedisAddress.parse("redis+sentinel://127.0.0.1/mymaster"))
    first, second = Opened(), Opened()
    async with asyncio.timeout(30):
        found.keep_watch(cast("FoundConnection", first))
        await asked.looks.wait()
        first.is_open = False
        await asked.closes.wait()
        found.keep_watch(cast("FoundConnection", second))
        asked.may_close.set()
        asked.primary = NEW
        await second.is_cut.wait()
