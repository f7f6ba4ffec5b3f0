"""All servers that hold keys, for what has to be asked of each: a cluster's primaries, or the one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import cast

from redis.asyncio import ConnectionPool, Redis
from redis.exceptions import RedisError

from midday_worker.engine.redis.cluster import ClusterDiscovery
from midday_worker.engine.redis.connection import Connection
from midday_worker.engine.redis.error_translation import bounded, translated
from midday_worker.engine.redis.sentinels import Place
from midday_worker.errors import RedisUnavailableError


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


@asynccontextmanager
async def answering(connection: Connection) -> AsyncGenerator[Connection]:
    """Give a connection to a server that answers: this one, or where its node of a cluster is away, another node.

    Where none does, it is this one, and what is asked next says so.
    """
    timeout_ms = round(connection.deadlines.seconds * 1000)
    with translated("ask for the nodes of the cluster"):
        async with all_nodes(connection.conn) as nodes:
            others = [Connection(node, timeout_ms) for node in nodes] if len(nodes) > 1 else []
            found = connection
            for each in [connection, *others] if others else []:
                if await _answers(each):
                    found = each
                    break
            yield found


async def place_of_keys(client: Redis) -> str:
    """Return which node of a cluster a client leads to, as host:port; "" if there is none, or none is known."""
    discovery: object = client.connection_pool.connection_kwargs.get("discovery")
    if not isinstance(discovery, (ClusterDiscovery, _At)):
        return ""
    try:
        host, port = await discovery.find({})
    except (RedisError, OSError):
        return ""
    return f"{host}:{port}"


async def named(error: RedisUnavailableError, client: Redis) -> RedisUnavailableError:
    """Return the error of a client with the name of its node, where that is one of a cluster."""
    if not (place := await place_of_keys(client)):
        return error
    cause = error.__cause__
    return RedisUnavailableError(
        f"Node {place} of the cluster can't be reached ({str(cause) or type(cause).__name__})."
    )


async def _answers(connection: Connection) -> bool:
    with suppress(RedisUnavailableError):
        async with bounded(connection.deadlines, "reach a node of the cluster"):
            await connection.conn.ping()  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
        return True
    return False
