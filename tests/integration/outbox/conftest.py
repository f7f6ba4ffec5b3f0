"""Databases with an outbox: of PostgreSQL, and of SQLite."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from midday_worker.databases import Database, create_database
from midday_worker.outbox.table import make_table
from midday_worker.testing import PostgresServer


@pytest.fixture(params=["postgresql", "sqlite"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/outbox.db"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.create_database()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = create_database(database_url)
    async with database.engine().begin() as connection:
        assert await connection.run_sync(make_table)
    yield database
    await database.dispose()
