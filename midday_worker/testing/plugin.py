"""The pytest plugin: fixtures that start real servers when a test first asks for one, and stop them at the end.

Nothing is imported or started for tests that don't ask.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from midday_worker.testing.recording import RecordingClient
    from midday_worker.testing.servers import PostgresServer, RedisServer


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A Redis for the whole session: `.url`, `.host`, `.port`. Keep tests apart with `redis_prefix`."""
    # Here and not at the top: every pytest run of every project that has this library imports the plugin.
    from midday_worker.testing.servers import RedisServer

    with RedisServer() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL for the whole session: `.url`, `.async_url`, `.create_database()`."""
    from midday_worker.testing.servers import PostgresServer

    with PostgresServer() as server:
        yield server


@pytest.fixture
def redis_prefix() -> str:
    """A prefix for the keys of one test, so that tests on one Redis don't see each other's jobs."""
    return f"test-{secrets.token_hex(6)}"


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    """The URL of an empty database of the test's own."""
    return postgres_server.create_database()


@pytest.fixture
def recorded() -> Iterator[RecordingClient]:
    """A client that takes every trigger of the test, on every event loop, so that none reaches Redis.

    Assert on it: `recorded.assert_triggered(my_job, payload, delay="3d")`.
    """
    from midday_worker.client.client import stand_in
    from midday_worker.testing.recording import recording_client

    client = recording_client()
    with stand_in(client):
        yield client
