"""Server checks at start-up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from bullmq.utils import isRedisVersionLowerThan

from midday_worker.engine.redis.connection import Connection
from midday_worker.engine.redis.error_translation import bounded

OLDEST_VERSION: Final = "6.2.0"
KEEPS_ALL: Final = "noeviction"


@dataclass(frozen=True, slots=True)
class Server:
    """A Redis server as it describes itself.

    Attributes:
        version: of Redis, or of the Redis that it says it is compatible with.
        eviction_policy: what it drops when its memory is full; "" if it doesn't tell.
        read_only: whether it is a replica that takes no writes.
        mode: "standalone", "cluster" or "sentinel".
        is_found: whether it was found by what REDIS_URL names, and isn't named itself.
        shown: the version for people.
    """

    version: str
    eviction_policy: str = KEEPS_ALL
    read_only: bool = False
    mode: str = "standalone"
    is_found: bool = False
    shown: str = ""

    @property
    def too_old(self) -> bool:
        """Whether it lacks commands that BullMQ's scripts need."""
        return isRedisVersionLowerThan(self.version, OLDEST_VERSION)

    def unfit(self) -> str | None:
        """Return why it can't hold jobs as REDIS_URL names it: what it is, and what to do; None if it can."""
        if self.mode == "sentinel":
            return "is a Sentinel, which holds no jobs: redis+sentinel://host:port/service asks it for the primary."
        if self.mode == "cluster" and not self.is_found:
            return (
                "is a node of a cluster: REDIS_URL must be redis+cluster://host:port,host:port, with one node or more, "
                "and REDIS_PREFIX have a hash tag, such as {bull}."
            )
        return None

    @property
    def may_drop_jobs(self) -> bool:
        """Whether it drops keys, and with them jobs, when its memory is full."""
        return self.eviction_policy not in {"", KEEPS_ALL}


def shown_version(info: Mapping[str, object]) -> str:
    """Return a server's version for people. Valkey has its own, beside the Redis that it stands for.

    >>> shown_version({"redis_version": "7.2.4", "valkey_version": "9.1.2"}), shown_version({"redis_version": "7.0.15"})
    ('Valkey 9.1.2', '7.0.15')
    """
    valkey = info.get("valkey_version")
    return str(info.get("redis_version", "unknown")) if valkey is None else f"Valkey {valkey}"


async def inspect(connection: Connection) -> Server:
    """Ask a server what it is. Raises RedisUnavailableError or RedisRefusedError."""
    async with bounded(connection.deadlines, "ask Redis what it is"):
        info = cast("dict[str, object]", await connection.conn.info())  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
    replica = info.get("role") == "slave" and bool(info.get("slave_read_only", 1))
    return Server(
        str(info.get("redis_version", OLDEST_VERSION)),
        str(info.get("maxmemory_policy", "")),
        replica,
        str(info.get("redis_mode", info.get("server_mode", "standalone"))),
        "discovery" in connection.conn.connection_pool.connection_kwargs,
        shown_version(info),
    )
