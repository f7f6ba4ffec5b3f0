"""From a URL to Redis clients: one place for time limits, retries and encodings."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar, cast

import redis
from bullmq.redis_connection import RedisConnection, loadScript
from bullmq.utils import isRedisVersionLowerThan
from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.driver_info import DriverInfo
from redis.exceptions import MasterDownError, ReadOnlyError, ResponseError
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry as BlockingRetry

from midday_worker.engine.redis.access import Access
from midday_worker.engine.redis.cluster import ClusterDiscovery, slot_of
from midday_worker.engine.redis.deadlines import Deadlines
from midday_worker.engine.redis.discovery import find_server
from midday_worker.engine.redis.duplicate_check import CHECKED, checked_add
from midday_worker.engine.redis.gone import RESTORE
from midday_worker.engine.redis.limited import GUARD
from midday_worker.engine.redis.undone_retry import UndoneRetry
from midday_worker.engine.transport import UNDONE, PipelinedRedis, is_of_replica
from midday_worker.settings.redis_address import RedisAddress

if TYPE_CHECKING:
    from bullmq.redis_connection import Script
    from redis.asyncio.client import Pipeline
    from redis.asyncio.connection import AbstractConnection
    from redis.typing import EncodableT

Pool = TypeVar("Pool", ConnectionPool, BlockingConnectionPool, redis.ConnectionPool)

LONGEST_BLOCK_S: Final = 10
"""The longest that the engine blocks in one command (bullmq's default_maximum_block_timeout)."""

_POOL_SIZE: Final = 16  # for what can't share a connection: transactions
_DRIVER: Final = DriverInfo()  # reads the installed package's metadata, as redis-py else does for each connection
# With them, which is redis-py's default, its pools hand out connections that the server has closed.
_NO_NOTICES: Final = MaintNotificationsConfig(enabled=False)
# Lua that ships with bullmq but that the port doesn't register.
_UNREGISTERED: Final = {
    "changeDelay": "changeDelay-4.lua",
    "getDependencyCounts": "getDependencyCounts-4.lua",
    "getMetrics": "getMetrics-2.lua",
    "moveJobFromActiveToWait": "moveJobFromActiveToWait-9.lua",
    "removeChildDependency": "removeChildDependency-1.lua",
    "removeUnprocessedChildren": "removeUnprocessedChildren-2.lua",
}


@dataclass(frozen=True, slots=True)
class RedisConfig:
    """Where Redis is, how long to wait for it, whether concurrent commands share a connection, and who asks.

    `wait_replicas` is how many replicas have to hold a job before its add returns.
    """

    url: str
    prefix: str = "bull"
    command_timeout_ms: int = 5_000
    pipelining: bool = True
    wait_replicas: int = 0
    access: Access = field(default_factory=Access)

    def __post_init__(self) -> None:
        """Raise ConfigurationError if what it says of access can't be."""
        self.access.check(self.url)

    @property
    def slot(self) -> int | None:
        """The slot of the prefix's keys on a cluster, None elsewhere. Raises ConfigurationError if they have many."""
        return slot_of(self.prefix) if RedisAddress.parse(self.url).topology == "cluster" else None


@contextmanager
def cancellation_kept() -> Generator[None]:
    """Raise CancelledError at the end of a block if redis-py has lost it, as `asyncio.wait_for` does on Python 3.11."""
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    yield
    if task and task.cancelling() > before:
        raise asyncio.CancelledError


class UnpipelinedRedis(Redis):
    """redis-py's client, but that no command of its loses a cancellation."""

    async def execute_command(self, *args: EncodableT, **options: object) -> object:
        """Send a command and return its reply."""
        execute = cast("Callable[..., Awaitable[object]]", super().execute_command)  # pyright: ignore[reportUnknownMemberType] - untyped in redis-py
        with cancellation_kept():
            return await execute(*args, **options)


def connect(config: RedisConfig) -> Redis:
    """Return a client for ordinary commands, which share a connection and its writes; it connects on first use.

    Without pipelining it is redis-py's own: each command waits for its reply on a connection of the pool.

    Nothing is retried but what a cluster's node has not done: redis-py's own retries would send an `add` again whose
    reply was lost.
    """
    seconds = config.command_timeout_ms / 1000
    pool = _pool(BlockingConnectionPool, config, max_connections=_POOL_SIZE, timeout=seconds)
    _own_limits(pool, config, socket_timeout=seconds)
    if not config.pipelining:
        return UnpipelinedRedis.from_pool(pool)
    client = cast("PipelinedRedis", PipelinedRedis.from_pool(pool))
    client.replicas = config.wait_replicas
    return client


def connect_blocking(config: RedisConfig, name: str = "") -> Redis:
    """Return a client for blocking commands, named `name` in Redis's client list.

    Its time limit exceeds every blocking call, whatever the URL says: a shorter one makes an idle worker deaf.
    """
    pool = _pool(ConnectionPool, config)
    _own_limits(pool, config, socket_timeout=LONGEST_BLOCK_S + 5)
    if name:
        pool.connection_kwargs["redis_connect_func"] = partial(_greet, name=name)
    return Redis.from_pool(pool)


def connect_in_thread(config: RedisConfig, timeout_s: float) -> redis.Redis:
    """Return a client for a thread, each of whose steps may take so long; nothing is retried."""
    pool = _pool(redis.ConnectionPool, config)
    pool.connection_kwargs.update(
        decode_responses=True,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=BlockingRetry(NoBackoff(), 0),
    )
    return redis.Redis.from_pool(pool)


def _pool(kind: type[Pool], config: RedisConfig, **limits: object) -> Pool:
    """Return a pool whose connections lead to where the jobs of a configuration are."""
    address = RedisAddress.parse(config.url)
    from_url = cast("Callable[..., Pool]", kind.from_url)  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
    pool = from_url(address.server, maint_notifications_config=_NO_NOTICES, **limits)
    config.access.apply(pool.connection_kwargs)
    find_server(pool, address, config.prefix)  # after from_url, as rediss:// wins over what is given
    return pool


async def _greet(connection: AbstractConnection, name: str) -> None:
    """Connect as redis-py does, and tell the client's name: there are servers and users without CLIENT SETNAME."""
    await connection.on_connect()
    await connection.send_command("CLIENT", "SETNAME", name)  # pyright: ignore[reportUnknownMemberType] - untyped in redis-py
    with suppress(ResponseError):
        await connection.read_response()


def _own_limits(pool: ConnectionPool, config: RedisConfig, *, socket_timeout: float) -> None:
    # After from_url, because what stands in a URL's query wins over keyword arguments.
    pool.connection_kwargs.update(
        # Without it bullmq's Job.fromId silently finds nothing.
        decode_responses=True,
        # Bytes that are not UTF-8, in one job's hash, must not keep a reply with others' from being read.
        encoding_errors="surrogateescape",
        socket_timeout=socket_timeout,
        # Shorter than a command's: one whose time ends while it waits for a connection then says that it wasn't sent.
        socket_connect_timeout=min(5.0, 0.8 * socket_timeout),
        retry=Retry(NoBackoff(), 0) if config.slot is None else UndoneRetry(config.command_timeout_ms / 1000),
        retry_on_timeout=False,
        # They are not retried, but their connection is closed: a new one may lead to the primary.
        retry_on_error=[ReadOnlyError, MasterDownError],
        driver_info=_DRIVER,
    )
    if not issubclass(pool.connection_class, UnixDomainSocketConnection):
        pool.connection_kwargs["socket_keepalive"] = True


class Connection(RedisConnection):
    """bullmq's RedisConnection on a client of ours, with all of bullmq's scripts registered."""

    def __init__(self, client: Redis, command_timeout_ms: int = 5_000) -> None:
        super().__init__(client)
        self.deadlines = Deadlines(command_timeout_ms / 1000)
        for command, filename in _UNREGISTERED.items():
            self.commands[command] = self.conn.register_script(loadScript(filename))
        for command in ("addStandardJob", "addDelayedJob", "addPrioritizedJob"):
            self.commands[command + CHECKED] = self.conn.register_script(
                checked_add(str(self.commands[command].script))
            )
        self.commands["addJobScheduler"] = self.conn.register_script(GUARD + loadScript("addJobScheduler-11.lua"))
        self.commands["dropGone"] = self.conn.register_script(RESTORE + loadScript("moveToFinished-14.lua"))

    @property
    def generation(self) -> int:
        """See `PipelinedRedis.generation`."""
        return self.conn.generation if isinstance(self.conn, PipelinedRedis) else 0

    async def getRedisVersion(self) -> str | None:
        """Return the server's version and learn what it can do.

        The port asks for it only where it needs the version, so its workers block for whole seconds.
        """
        if self.version is None:
            # redis-py types replies as a union of its sync and async forms.
            info: dict[str, object] = await self.conn.info("server")  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
            self.version = str(info.get("redis_version", "6.2.0"))
            self.capabilities = {
                "canBlockFor1Ms": not isRedisVersionLowerThan(self.version, "7.0.8"),
                "canDoubleTimeout": not isRedisVersionLowerThan(self.version, "6.0.0"),
            }
        return self.version


def run_script(client: Redis, script: Script, keys: Sequence[str], args: Sequence[EncodableT]) -> Awaitable[object]:
    """Run one of BullMQ's scripts by the shortest way that this client has."""
    if isinstance(client, PipelinedRedis):
        return client.run_script(script.sha, script.script, keys, args)
    return script(keys=keys, args=args)


async def read_together(client: Redis, ask: Callable[[Pipeline], object]) -> list[object]:
    """Send reads in one round trip; return their answers, an error in the place of one that failed.

    Raises the error of a server that doesn't hold the keys, which is no answer to any of them.

    Args:
        client: where they are sent.
        ask: puts them into a pipeline.
    """
    answers, refusal = await _read(client, ask)
    if refusal is not None:
        await client.connection_pool.disconnect(inuse_connections=False)  # a new one leads to where the keys are
        answers, refusal = await _read(client, ask)
    if refusal is not None:
        raise refusal
    return answers


async def _read(client: Redis, ask: Callable[[Pipeline], object]) -> tuple[list[object], Exception | None]:
    async with client.pipeline(transaction=False) as pipe:
        ask(pipe)
        answers = cast("list[object]", await pipe.execute(raise_on_error=False))
    errors = (each for each in answers if isinstance(each, Exception))
    return answers, next((each for each in errors if isinstance(each, UNDONE) or is_of_replica(each)), None)


def absent_key(client: Redis, prefix: str) -> tuple[str, ...]:
    """Return a key of a prefix that never exists, for a script to be called with, too; none but on a cluster.

    BullMQ's scripts use keys that they aren't called with. A node whose slot moves would break a script off at the
    first of them that it doesn't hold; one that is called with a missing key it refuses as a whole, with TRYAGAIN.
    """
    return (f"{prefix}:midday-worker:absent",) if is_of_cluster(client) else ()


def is_of_cluster(client: Redis) -> bool:
    """Return whether a client leads to a node of a cluster."""
    return isinstance(client.connection_pool.connection_kwargs.get("discovery"), ClusterDiscovery)
