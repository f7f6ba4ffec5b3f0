"""How much of a pool is in use."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import text

from midday_worker.databases import create_database
from midday_worker.databases.connection import PoolUse


async def test_connections_to_a_file_are_counted_as_any_other(tmp_path: Path) -> None:
    database = create_database(f"sqlite:///{tmp_path}/a.db", max_connections=7)
    try:
        assert database.pool_use() is None  # nothing is open
        async with database.engine().connect() as one, database.engine().connect() as other:
            await one.execute(text("SELECT 1"))
            await other.execute(text("SELECT 1"))
            assert database.pool_use() == PoolUse(in_use=2, idle=0, limit=7)
        assert database.pool_use() == PoolUse(in_use=0, idle=2, limit=7)
    finally:
        await database.dispose()


async def test_a_database_in_memory_has_one_connection_and_no_pool() -> None:
    database = create_database("sqlite://")
    try:
        await database.ping()
        assert database.pool_use() is None
    finally:
        await database.dispose()
