"""What Redis says about itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from midday_worker.engine.producer.queue import Queue
from midday_worker.engine.redis.server import shown_version


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerInfo:
    """A Redis server. Sizes are in bytes."""

    version: str
    mode: str
    port: int
    os: str
    uptime_s: int
    memory_total: int
    memory_used: int
    memory_peak: int
    fragmentation: float
    clients: int
    blocked_clients: int


async def read_server(queue: Queue) -> ServerInfo:
    """Return what the Redis of a queue says about itself."""
    async with queue.bounded("read Redis's own figures"):
        info = cast("Mapping[str, object]", await queue.ask("INFO"))
    return ServerInfo(
        version=shown_version(info),
        mode=str(info.get("redis_mode", info.get("server_mode", "standalone"))),
        port=int(_number(info, "tcp_port")),
        os=str(info.get("os", "unknown")),
        uptime_s=int(_number(info, "uptime_in_seconds")),
        memory_total=int(_number(info, "maxmemory") or _number(info, "total_system_memory")),
        memory_used=int(_number(info, "used_memory")),
        memory_peak=int(_number(info, "used_memory_peak")),
        fragmentation=_number(info, "mem_fragmentation_ratio"),
        clients=int(_number(info, "connected_clients")),
        blocked_clients=int(_number(info, "blocked_clients")),
    )


def _number(info: Mapping[str, object], name: str) -> float:
    value = info.get(name)
    return value if isinstance(value, int | float) else 0
