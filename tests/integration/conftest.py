"""What integration tests share: settings with a prefix of their own, a client, and a Redis that may die."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis

from midday_worker import JobClient, JobRegistry, Settings
from midday_worker.engine.redis.connection import RedisConfig, connect
from midday_worker.testing import RedisServer


@pytest.fixture
def settings(redis_server: RedisServer, redis_prefix: str) -> Settings:
    return Settings(env_file=None, redis_url=redis_server.url, redis_prefix=redis_prefix)


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[JobClient]:
    async with JobClient(settings) as client:
        yield client


@pytest.fixture
async def redis(redis_server: RedisServer) -> AsyncIterator[Redis]:
    """A plain client, for looking at what was written."""
    async with connect(RedisConfig(redis_server.url, command_timeout_ms=60_000)) as redis:
        yield redis


@pytest.fixture
def registry() -> JobRegistry:
    return JobRegistry()


@pytest.fixture
def mortal_redis() -> Iterator[RedisServer]:
    """A Redis of this test's own, to be killed, paused and started again; what was written stays."""
    with RedisServer(appendonly=True) as server:
        yield server
