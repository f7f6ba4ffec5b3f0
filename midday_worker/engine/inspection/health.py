"""Is Redis there, and does a worker run beside us? Pings and heartbeats."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field
from typing import Final, cast

from midday_worker.engine.redis.connection import Connection
from midday_worker.engine.redis.error_translation import translated
from midday_worker.engine.redis.server import shown_version

HEARTBEAT_S: Final = 5
STALE_S: Final = 20
"""A worker that has been silent for so long is stuck or gone."""

_KEPT_S: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """What a running worker says of itself. Times in epoch seconds.

    Of a service of several processes, `supervisor` is the id of the one that started them, `process` the number of
    this one from 1, and `processes` how many there are.
    """

    host: str
    pid: int
    queues: list[str]
    started_at: float
    beat_at: float
    supervisor: int | None = None
    process: int = 1
    processes: int = 1
    not_ready: list[str] = field(default_factory=lambda: [])
    """Why it can't work now, each in a few words; empty if it can."""

    @property
    def age_s(self) -> float:
        """Seconds since the last beat."""
        return max(0.0, time.time() - self.beat_at)

    @property
    def trouble(self) -> str | None:
        """Why this worker isn't ready; None if it is."""
        if self.age_s > STALE_S:
            return f"its last heartbeat was {self.age_s:.0f} s ago: it is stuck, or was killed"
        return "; ".join(self.not_ready) or None


async def ping(connection: Connection) -> str:
    """Return the server's version for people. Raises RedisUnavailableError or RedisRefusedError."""
    with translated("reach Redis"):
        await connection.conn.ping()  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
        return shown_version(cast("dict[str, object]", await connection.conn.info("server")))  # pyright: ignore[reportUnknownMemberType] - as above


async def beat(connection: Connection, prefix: str, heartbeat: Heartbeat) -> None:
    """Write a worker's heartbeat; it expires by itself."""
    key = heartbeat_key(prefix, heartbeat.host, heartbeat.pid)
    await connection.conn.set(key, json.dumps(asdict(heartbeat)), ex=_KEPT_S)


async def stop_beating(connection: Connection, prefix: str, heartbeat: Heartbeat) -> None:
    """Remove a worker's heartbeat."""
    await connection.conn.delete(heartbeat_key(prefix, heartbeat.host, heartbeat.pid))


async def heartbeats(connection: Connection, prefix: str, host: str | None = None) -> list[Heartbeat]:
    """Return the heartbeats of the workers on `host`, by default this one."""
    with translated("read the workers' heartbeats"):
        found: list[Heartbeat] = []
        pattern = heartbeat_key(prefix, host or socket.gethostname(), "*")
        scan = cast("AsyncIterator[str]", connection.conn.scan_iter(match=pattern, count=1000))  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
        async for key in scan:
            text = cast("str | None", await connection.conn.get(key))
            if text is not None:
                found.append(Heartbeat(**cast("dict[str, object]", json.loads(text))))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - written by beat()
        return found


def heartbeat_key(prefix: str, host: str, pid: int | str) -> str:
    """Return the key of a worker's heartbeat."""
    return f"{prefix}:midday-worker:{host}:{pid}"
