"""What a test has left in Redis."""

from __future__ import annotations

from redis.asyncio import Redis

from midday_worker import Settings


async def keys_of(redis: Redis, settings: Settings) -> list[str]:
    """Return all keys under the test's own prefix."""
    found = await redis.keys(f"{settings.redis_prefix}*")  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
    return sorted(map(str, found))
