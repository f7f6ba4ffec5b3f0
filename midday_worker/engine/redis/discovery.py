"""Where the server of a connection is, asked each time one is made: of sentinels, or of the nodes of a cluster.

A connection that is lost, or given up because its server is the primary no more, is made again in any case; with
these classes it then leads to where the jobs are now. One whose server the sentinels have replaced is cut, even if
that server lives on, apart from them, and would take writes that nobody keeps.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Final, Protocol, cast
from weakref import WeakKeyDictionary, WeakSet

from redis.asyncio.connection import Connection as AsyncConnection
from redis.asyncio.connection import ConnectionPool as AsyncPool
from redis.asyncio.connection import SSLConnection as AsyncTlsConnection
from redis.connection import Connection, SSLConnection
from redis.connection import ConnectionPool as Pool
from redis.exceptions import RedisError

from midday_worker.engine.redis.cluster import ClusterDiscovery, slot_of
from midday_worker.engine.redis.sentinels import Place, SentinelGroup, Sentinels
from midday_worker.settings.redis_address import RedisAddress

if TYPE_CHECKING:
    from collections.abc import Callable

LOOK_S: Final = 0.5
"""How often the sentinels are asked whether the primary is still the same: once for all connections of a process."""


class Discovery(Protocol):
    """Tells where the server is that holds the jobs."""

    async def find(self, tls: Mapping[str, object]) -> Place:
        """Return its host and port. Raises redis-py's errors if nobody knows it.

        Args:
            tls: how the connection is encrypted, by redis-py's names.
        """
        ...

    def keep_watch(self, connection: FoundConnection) -> None:
        """Cut this connection when its server is not the one any more."""
        ...


class SentinelDiscovery:
    """Asks sentinels, and watches. Serves any event loop, thread and forked process."""

    def __init__(self, address: RedisAddress) -> None:
        self._address = address
        self._watches: WeakKeyDictionary[asyncio.AbstractEventLoop, _Watch] = WeakKeyDictionary()

    async def find(self, tls: Mapping[str, object]) -> Place:
        """Return the primary's host and port. Raises NeverSentError or SentinelError, as `Sentinels.find`."""
        async with Sentinels(self._address, tls) as sentinels:
            return await sentinels.find()

    async def describe(self, tls: Mapping[str, object]) -> SentinelGroup:
        """Return all that they know, as `Sentinels.describe`."""
        async with Sentinels(self._address, tls) as sentinels:
            return await sentinels.describe()

    def keep_watch(self, connection: FoundConnection) -> None:
        """Cut this connection soon after the sentinels have named another primary."""
        self._watches.setdefault(asyncio.get_running_loop(), _Watch(self._address)).add(connection)


class _Watch:
    """The connections of one event loop. Looks as long as there are any."""

    def __init__(self, address: RedisAddress) -> None:
        self._address = address
        self._open: WeakSet[FoundConnection] = WeakSet()
        self._looking: asyncio.Task[None] | None = None

    def add(self, connection: FoundConnection) -> None:
        self._open.add(connection)
        if self._looking is None or self._looking.done():
            looking = self._check(connection.tls)
            self._looking = asyncio.create_task(looking, context=contextvars.Context())

    async def _check(self, tls: Mapping[str, object]) -> None:
        while any(each.is_open for each in self._open):  # there may be one again when that is over
            await self._watch_all(tls)

    async def _watch_all(self, tls: Mapping[str, object]) -> None:
        async with Sentinels(self._address, tls) as sentinels:
            while any(each.is_open for each in self._open):
                await asyncio.sleep(LOOK_S)
                before = list(self._open)
                try:
                    place = await sentinels.find()
                except (RedisError, OSError):  # what is connected stays so as long as nobody knows better
                    continue
                for connection in before:  # of those that were made meanwhile it may know less
                    if (connection.host, connection.port) != place:
                        connection.cut()


class FoundConnection(AsyncConnection):
    """A connection to where its server is found."""

    def __init__(self, *, discovery: Discovery, **options: object) -> None:
        cast("Callable[..., None]", super().__init__)(**options)
        self._discovery = discovery
        self.tls = _tls(options)

    @property
    def is_open(self) -> bool:
        """Whether it leads anywhere."""
        return self._writer is not None and not self._writer.transport.is_closing()

    def cut(self) -> None:
        """End it at once, whoever uses or waits on it."""
        if self._writer is not None:
            self._writer.transport.abort()

    async def connect_check_health(self, check_health: bool = True, retry_socket_connect: bool = True) -> None:
        """Connect, unless it is. Not `_connect`, whose errors redis-py wraps."""
        if not self.is_connected:
            self.host, self.port = await self._discovery.find(self.tls)
        await super().connect_check_health(check_health, retry_socket_connect)

    async def _connect(self) -> None:
        await super()._connect()  # type: ignore[no-untyped-call] # as all of redis-py's
        self._discovery.keep_watch(self)  # from here on: a server that is stopped answers no greeting


class _FoundTls(FoundConnection, AsyncTlsConnection): ...


class _FoundBlocking(Connection):
    """As `FoundConnection`, for threads that run no event loop, and close their connections themselves."""

    def __init__(self, *, discovery: Discovery, **options: object) -> None:
        cast("Callable[..., None]", super().__init__)(**options)
        self._discovery = discovery
        self._tls = _tls(options)

    def connect_check_health(self, check_health: bool = True, retry_socket_connect: bool = True) -> None:
        """Connect, unless it is."""
        if self._sock is None:
            self.host, self.port = asyncio.run(self._discovery.find(self._tls))
        super().connect_check_health(check_health, retry_socket_connect)


class _FoundBlockingTls(_FoundBlocking, SSLConnection): ...


async def describe_sentinels(pool: AsyncPool) -> SentinelGroup | None:
    """Return what the sentinels know that lead this pool's connections; None if none do. Raises redis-py's errors."""
    discovery = pool.connection_kwargs.get("discovery")
    if not isinstance(discovery, SentinelDiscovery):
        return None
    return await discovery.describe(_tls(pool.connection_kwargs))


def find_server(pool: AsyncPool | Pool, address: RedisAddress, prefix: str) -> None:
    """Have a pool's connections lead to where their server is found; nothing where the address is all.

    Args:
        pool: made for the address.
        address: as REDIS_URL has it.
        prefix: that of the keys that it is for.

    Raises ConfigurationError for a prefix whose keys would be spread over a cluster.
    """
    if address.topology == "single":
        return
    if isinstance(pool, Pool):
        pool.connection_class = _FoundBlockingTls if address.is_tls else _FoundBlocking
    else:
        pool.connection_class = _FoundTls if address.is_tls else FoundConnection
    pool.connection_kwargs["discovery"] = (
        _discovery(address)
        if address.topology == "sentinel"
        else ClusterDiscovery(address, slot_of(prefix), _shown_to_nodes(pool.connection_kwargs))
    )


def _shown_to_nodes(options: Mapping[str, object]) -> dict[str, object]:
    provider = options.get("credential_provider")
    return {**_tls(options), **({} if provider is None else {"credential_provider": provider})}


@cache  # so that the many pools of a process look together
def _discovery(address: RedisAddress) -> SentinelDiscovery:
    return SentinelDiscovery(address)


def _tls(options: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in options.items() if name.startswith("ssl")}
