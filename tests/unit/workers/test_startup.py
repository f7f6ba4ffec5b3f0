"""Waiting for a Redis that isn't there."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator

import pytest
from loguru import logger
from pydantic import SecretStr

from midday_worker import ConfigurationError, Settings
from midday_worker.client.client import redis_config
from midday_worker.engine.redis.connection import Connection, connect
from midday_worker.workers.startup import wait_for_redis


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is taken, and on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def settings(closed_port: int) -> Settings:
    """Settings of a Redis that doesn't answer, to be waited for for 300 ms."""
    url = SecretStr(f"redis://user:hidden@127.0.0.1:{closed_port}")
    return Settings.model_construct(redis_url=url, startup_timeout=300)


@pytest.fixture
async def connection(settings: Settings) -> AsyncIterator[Connection]:
    """A connection that can't be made."""
    connection = Connection(connect(redis_config(settings)))
    yield connection
    await connection.close()


async def test_it_gives_up_after_the_timeout_with_the_url_but_not_the_password(
    connection: Connection, settings: Settings
) -> None:
    with pytest.raises(ConfigurationError, match=r"Redis at redis://user:\*\*\*@127.0.0.1:\d+ did not answer within"):
        await wait_for_redis(connection, settings, asyncio.Event())


async def test_it_says_once_that_it_waits_and_ends_when_it_is_stopped(
    connection: Connection, settings: Settings
) -> None:
    said: list[str] = []
    stop = asyncio.Event()
    for_ever = settings.model_copy(update={"startup_timeout": 0})

    def keep(message: str) -> None:
        said.append(message)
        stop.set()

    sink = logger.add(keep, level="WARNING", format="{message}")
    try:
        async with asyncio.timeout(30):
            assert await wait_for_redis(connection, for_ever, stop) == ""
    finally:
        logger.remove(sink)

    assert len(said) == 1
    assert "does not answer yet; trying for ever" in said[0]
    assert "hidden" not in said[0]


async def test_once_stopped_it_does_not_ask_at_all(connection: Connection, settings: Settings) -> None:
    stop = asyncio.Event()
    stop.set()

    assert await wait_for_redis(connection, settings, stop) == ""
