"""Where the server of a connection is, asked each time one is made: of sentinels, or of the nodes of a cluster.

A connection that is lost, or given up because its server is the primary no more, is made again in any case; with
these classes it then leads to where the jobs are now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from redis.asyncio.connection import Connection as AsyncConnection
from redis.asyncio.connection import ConnectionPool as AsyncPool
from redis.asyncio.connection import SSLConnection as AsyncTlsConnection
from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from redis.connection import Connection, SSLConnection
from redis.connection import ConnectionPool as Pool
from redis.sentinel import Sentinel

from midday_worker.engine.redis.cluster import ANSWER_S, ClusterDiscovery, Place, slot_of
from midday_worker.settings.redis_address import RedisAddress

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable


class Discovery(Protocol):
    """Tells where the server is that holds the jobs."""

    async def find(self) -> Place:
        """Return its host and port. Raises redis-py's ConnectionError if nobody knows it."""
        ...

    def find_blocking(self) -> Place:
        """As `find`, in a thread."""
        ...


class SentinelDiscovery:
    """Asks sentinels for the primary, one after another until one knows it.

    Each time by connections of its own: they serve any event loop, thread and forked process.
    """

    def __init__(self, address: RedisAddress) -> None:
        self._hosts = list(address.hosts)
        self._service = address.service
        self._options: dict[str, object] = {
            **dict(address.sentinel),
            "socket_timeout": ANSWER_S,
            "socket_connect_timeout": ANSWER_S,
        }

    async def find(self) -> Place:
        """Return the primary's host and port. Raises redis-py's MasterNotFoundError if no sentinel knows it."""
        async with AsyncSentinel(self._hosts, sentinel_kwargs=self._options) as sentinels:  # type: ignore[no-untyped-call] # as all of redis-py's
            return cast("Place", await sentinels.discover_master(self._service))

    def find_blocking(self) -> Place:
        """As `find`, in a thread."""
        sentinels = Sentinel(self._hosts, sentinel_kwargs=self._options)  # type: ignore[no-untyped-call] # as above
        try:
            return cast("Place", sentinels.discover_master(self._service))  # type: ignore[no-untyped-call] # as above
        finally:
            sentinels.close()


class _Found(AsyncConnection):
    """A connection to where its server is found."""

    def __init__(self, *, discovery: Discovery, **options: object) -> None:
        cast("Callable[..., None]", super().__init__)(**options)
        self._discovery = discovery

    async def connect_check_health(self, check_health: bool = True, retry_socket_connect: bool = True) -> None:
        """Connect. Not `_connect`, of whose errors redis-py makes others: that a server is no cluster's, say."""
        if not self.is_connected:
            self.host, self.port = await self._discovery.find()
        await super().connect_check_health(check_health, retry_socket_connect)


class _FoundTls(_Found, AsyncTlsConnection): ...


class _FoundBlocking(Connection):
    """As `_Found`, for threads."""

    def __init__(self, *, discovery: Discovery, **options: object) -> None:
        cast("Callable[..., None]", super().__init__)(**options)
        self._discovery = discovery

    def _connect(self) -> socket.socket:
        self.host, self.port = self._discovery.find_blocking()
        return cast("socket.socket", super()._connect())  # type: ignore[no-untyped-call] # as above


class _FoundBlockingTls(_FoundBlocking, SSLConnection): ...


def find_server(pool: AsyncPool | Pool, address: RedisAddress, prefix: str) -> None:
    """Have a pool's connections lead to where their server is found; nothing where the address is all.

    Args:
        pool: made for the address. Not told as it is made, as the class that rediss:// means wins over a given one.
        address: as REDIS_URL has it.
        prefix: that of the keys that it is for.

    Raises ConfigurationError for a prefix whose keys would be spread over a cluster.
    """
    if address.topology == "single":
        return
    if isinstance(pool, Pool):
        pool.connection_class = _FoundBlockingTls if address.is_tls else _FoundBlocking
    else:
        pool.connection_class = _FoundTls if address.is_tls else _Found
    is_cluster = address.topology == "cluster"
    pool.connection_kwargs["discovery"] = (
        ClusterDiscovery(address, slot_of(prefix)) if is_cluster else SentinelDiscovery(address)
    )
