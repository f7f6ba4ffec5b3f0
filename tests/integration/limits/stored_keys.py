"""The keys that Redis holds, for tests that nothing is left."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

from redis.asyncio import Redis


async def keys_like(redis: Redis, pattern: str) -> list[str]:
    """Return the keys of a pattern."""
    found = cast("AsyncIterator[str]", redis.scan_iter(match=pattern))  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
    return [key async for key in found]
