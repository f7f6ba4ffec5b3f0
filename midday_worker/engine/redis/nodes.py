"""All servers that hold keys, for what has to be asked of each: a cluster's primaries, or the one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

from redis.asyncio import ConnectionPool, Redis

from midday_worker.engine.redis.cluster import ClusterDiscovery
from midday_worker.engine.redis.sentinels import Place


@dataclass(frozen=True, slots=True)
class _At:
    """A discovery of what is found already."""

    place: Place

    async def find(self, tls: Mapping[str, object]) -> Place:
        """Return the place."""
        return self.place

    def keep_watch(self, connection: object) -> None:
        """Do nothing: there is no other place."""


@asynccontextmanager
async def all_nodes(client: Redis) -> AsyncGenerator[Sequence[Redis]]:
    """Give a client for each primary of a client's cluster; on one server, the client itself.

    Raises redis-py's errors where nobody tells which nodes there are.
    """
    pool = client.connection_pool
    discovery: object = pool.connection_kwargs.get("discovery")
    if not isinstance(discovery, ClusterDiscovery):
        yield [client]
        return
    primaries = dict.fromkeys(each.primary for each in await asyncio.to_thread(discovery.slots))
    make = cast("Callable[..., ConnectionPool]", ConnectionPool)
    options = pool.connection_kwargs
    clients = [
        Redis.from_pool(make(connection_class=pool.connection_class, **{**options, "discovery": _At(place)}))
        for place in primaries
    ]
    try:
        yield clients
    finally:
        await asyncio.gather(*(each.aclose() for each in clients))
