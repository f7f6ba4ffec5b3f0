"""What integration tests share: a client of Redis alone, and a registry of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from midday_worker import JobRegistry, QueueRegistry
from midday_worker.engine.redis.connection import RedisConfig, connect
from midday_worker.testing import RedisServer


@pytest.fixture
async def redis(redis_server: RedisServer, redis_prefix: str) -> AsyncIterator[Redis]:
    """A plain client, for looking at what was written."""
    async with connect(RedisConfig(redis_server.url, redis_prefix, command_timeout_ms=60_000)) as redis:
        yield redis


@pytest.fixture
def registry() -> JobRegistry:
    return JobRegistry(QueueRegistry())
