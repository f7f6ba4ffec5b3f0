"""Who reads a queue's events, as Redis sees it."""

from __future__ import annotations

from redis.asyncio import Redis

from midday_worker import Settings
from midday_worker.engine.producer.backend import client_name


async def listeners(redis: Redis, settings: Settings, queue: str = "default") -> int:
    """Return how many connections wait for events of the queue."""
    clients: list[dict[str, str]] = await redis.client_list()  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
    name = client_name(settings.redis_prefix, queue) + ":qe"
    return sum(client["name"] == name and client["cmd"] == "xread" for client in clients)
