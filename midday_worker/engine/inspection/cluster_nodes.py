"""The nodes of a cluster, as one of them knows them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, cast

from midday_worker.engine.redis.cluster import ClusterDiscovery
from midday_worker.engine.redis.connection import Connection
from midday_worker.engine.redis.error_translation import bounded

SLOTS: Final = 16_384


@dataclass(frozen=True, slots=True)
class ClusterNode:
    """One node.

    Attributes:
        id: its name in the cluster.
        address: its host and port.
        follows: the id of its primary; None if it is one.
        is_down: whether the others can't reach it.
        slots: how many it holds.
    """

    id: str
    address: str
    follows: str | None
    is_down: bool
    slots: int


async def list_nodes(connection: Connection) -> list[ClusterNode]:
    """Return the nodes of a connection's cluster, itself first. Raises RedisUnavailableError or RedisRefusedError."""
    send = cast("Callable[..., Awaitable[object]]", connection.conn.execute_command)  # pyright: ignore[reportUnknownMemberType] - untyped in redis-py
    async with bounded(connection.deadlines, "ask for the nodes of the cluster"):
        text = str(await send("CLUSTER", "NODES"))
    return [_read(line.split()) for line in sorted(text.splitlines(), key=lambda line: "myself" not in line)]


async def silent_hosts(connection: Connection) -> list[str]:
    """Return those hosts of REDIS_URL that don't answer, each with its reason; none where that names no cluster."""
    discovery: object = connection.conn.connection_pool.connection_kwargs.get("discovery")
    return await asyncio.to_thread(discovery.silent_hosts) if isinstance(discovery, ClusterDiscovery) else []


def _read(words: list[str]) -> ClusterNode:
    """Read a line: id, address, flags, primary, ping, pong, epoch, link, and ranges of slots.

    >>> _read("a1 10.0.0.1:6379@16379,host myself,master - 0 0 1 connected 0-99 200 [300->-b2]".split())
    ClusterNode(id='a1', address='10.0.0.1:6379', follows=None, is_down=False, slots=101)
    """
    name, address, flags, primary, *_ = words
    ranges = [each.split("-") for each in words[8:] if not each.startswith("[")]  # one that moves is in brackets
    slots = sum(int(each[-1]) - int(each[0]) + 1 for each in ranges)
    is_down = not {"fail", "fail?", "noaddr"}.isdisjoint(flags.split(","))
    return ClusterNode(name, address.partition("@")[0], None if primary == "-" else primary, is_down, slots)
