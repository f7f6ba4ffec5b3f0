"""What a Redis server can suffer from without going away: how it is brought about, and lifted."""

from __future__ import annotations

import resource
import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Final, TypeAlias, cast

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from midday_worker.embedded.binary import find_redis_server
from midday_worker.testing import RedisServer
from tests.deadline import eventually

Ailment: TypeAlias = Callable[[RedisServer, Redis], AbstractAsyncContextManager[None]]

_FULL_AT: Final = 200_000


async def send(redis: Redis, *words: str) -> object:
    """Send one command. redis-py's methods have no types that a strict checker takes."""
    execute = cast("Callable[..., Awaitable[object]]", redis.execute_command)  # pyright: ignore[reportUnknownMemberType]
    return await execute(*words)


def server_whose_disk_fills(directory: Path) -> RedisServer:
    """Return a Redis that is told of a full disk by an error, as on a real one, instead of a signal that ends it."""
    wrapper = directory / "redis-server"
    # Redis 7 wants to be told beforehand that its directory may be changed; 6.2 doesn't know the words.
    wrapper.write_text(
        f"""#!/bin/sh
trap '' XFSZ
case $({find_redis_server()} --version) in *v=6.*) ;; *) set -- "$@" --enable-protected-configs yes ;; esac
exec {find_redis_server()} "$@"
"""
    )
    wrapper.chmod(0o700)
    return RedisServer(appendonly=True, binary=wrapper)


@asynccontextmanager
async def memory_is_full(_server: RedisServer, redis: Redis) -> AsyncGenerator[None]:
    """`maxmemory` is reached, and nothing may be evicted."""
    await send(redis, "CONFIG", "SET", "maxmemory", "1")
    yield
    await send(redis, "CONFIG", "SET", "maxmemory", "0")


@asynccontextmanager
async def is_replica(_server: RedisServer, redis: Redis) -> AsyncGenerator[None]:
    """It has become a read-only replica, as in a failover."""
    await send(redis, "REPLICAOF", "127.0.0.1", "1")
    yield
    await send(redis, "REPLICAOF", "NO", "ONE")


@asynccontextmanager
async def snapshot_fails(_server: RedisServer, redis: Redis) -> AsyncGenerator[None]:
    """It can't write its snapshot, as on a disk that is full or gone."""
    there = await _setting(redis, "dir")
    gone = Path(there) / "gone"
    gone.mkdir()
    await send(redis, "CONFIG", "SET", "dir", str(gone))
    await send(redis, "CONFIG", "SET", "save", "3600 1000000")
    shutil.rmtree(gone)
    await _snapshot(redis, "err")
    yield
    await send(redis, "CONFIG", "SET", "dir", there)
    await _snapshot(redis, "ok")


@asynccontextmanager
async def disk_is_full(server: RedisServer, redis: Redis) -> AsyncGenerator[None]:
    """Its append-only file can't grow."""
    await send(redis, "SET", "ballast", "x" * _FULL_AT)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (_FULL_AT, resource.RLIM_INFINITY))
    await _persistence(redis, "aof_last_write_status", "err", "SET", "more", "x")
    yield
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await _persistence(redis, "aof_last_write_status", "ok")


@asynccontextmanager
async def password_is_changed(_server: RedisServer, redis: Redis) -> AsyncGenerator[None]:
    """It asks for a password that the worker doesn't have, as when one is rotated; who is connected is cut off."""
    await send(redis, "CONFIG", "SET", "requirepass", "rotated")
    await send(redis, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    yield
    await send(redis, "CONFIG", "SET", "requirepass", "")


AILMENTS: Final[dict[str, tuple[Ailment, str]]] = {
    "memory is full": (memory_is_full, "command not allowed when used memory.*Redis's memory is full"),
    "read-only replica": (is_replica, "read only replica.*REDIS_URL must name the primary"),
    "snapshot fails": (snapshot_fails, "MISCONF.*Redis can't save to its disk"),
    "password is changed": (password_is_changed, "This Redis wants a password"),
    "disk is full": (disk_is_full, "MISCONF.*Redis can't save to its disk"),
}
"""By name: how, and what a refused `trigger` says."""


async def _setting(redis: Redis, name: str) -> str:
    return cast("dict[str, str]", await send(redis, "CONFIG", "GET", name))[name]


async def _snapshot(redis: Redis, outcome: str) -> None:
    await send(redis, "BGSAVE")
    await _persistence(redis, "rdb_last_bgsave_status", outcome)


async def _persistence(redis: Redis, field: str, value: str, *write: str) -> None:
    """Wait until the server says this of itself; write again and again meanwhile, where that is what it takes."""

    async def is_said() -> bool:
        with suppress(ResponseError):
            if write:
                await send(redis, *write)
        return cast("dict[str, str]", await send(redis, "INFO", "persistence"))[field] == value

    await eventually(is_said, f"{field} is {value}", 20)
