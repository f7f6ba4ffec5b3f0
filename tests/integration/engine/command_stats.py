"""What is asked of a Redis: plain commands, and how often each was called."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

from redis.asyncio import Redis


async def commands(redis: Redis) -> dict[str, int]:
    """How often each command was called, those of the counting left out."""
    stats = cast("dict[str, dict[str, int]]", await command(redis, "INFO", "commandstats"))
    ours = {"info", "config|resetstat", "config", "hello", "client", "client|setinfo", "select", "auth"}
    named = {name.removeprefix("cmdstat_"): entry["calls"] for name, entry in stats.items()}
    return {name: calls for name, calls in named.items() if name not in ours}


async def command(redis: Redis, *words: str) -> object:
    """Send one command. redis-py's methods have no types that a strict checker takes."""
    send = cast("Callable[..., Awaitable[object]]", redis.execute_command)  # pyright: ignore[reportUnknownMemberType]
    return await send(*words)
