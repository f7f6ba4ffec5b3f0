"""Sessions on a real PostgreSQL: what is committed, what a cancellation leaves, and how a lost server is met."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import cast

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from midday_worker.databases import Database, create_database, session_scope
from midday_worker.errors import DatabaseUnavailableError
from midday_worker.testing import PostgresServer

DEADLINE_S = 20


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    database = create_database(f"{postgres_url}?application_name=sessions", max_connections=3)
    async with database.engine().begin() as connection:
        await connection.execute(text("create table person (name text primary key deferrable initially deferred)"))
    yield database
    await database.dispose()


async def add(database: Database, name: str) -> None:
    async with session_scope(database) as session:
        await session.execute(text("insert into person values (:name)"), {"name": name})


async def names(database: Database) -> list[str]:
    async with session_scope(database) as session:
        return list(await session.scalars(text("select name from person order by name")))


async def scalar(database: Database, statement: str) -> object:
    async with session_scope(database) as session:
        return cast("object", await session.scalar(text(statement)))


def connections_in_use(database: Database) -> int:
    return cast("QueuePool", database.engine().pool).checkedout()


async def test_success_commits(database: Database) -> None:
    await add(database, "Ada")
    assert await names(database) == ["Ada"]


async def test_an_exception_rolls_back(database: Database) -> None:
    with pytest.raises(ValueError, match="no"):
        async with session_scope(database) as session:
            await session.execute(text("insert into person values ('Ada')"))
            raise ValueError("no")
    assert await names(database) == []
    assert connections_in_use(database) == 0


async def test_a_constraint_that_fails_at_the_commit_is_raised(database: Database) -> None:
    await add(database, "Ada")
    with pytest.raises(IntegrityError, match="duplicate key"):
        await add(database, "Ada")
    assert await names(database) == ["Ada"]
    assert connections_in_use(database) == 0


async def test_a_cancellation_in_the_middle_of_a_query_rolls_back(database: Database) -> None:
    inserted = asyncio.Event()

    async def handle() -> None:
        async with session_scope(database) as session:
            await session.execute(text("insert into person values ('Ada')"))
            inserted.set()
            await session.execute(text("select pg_sleep(60)"))

    async with asyncio.timeout(DEADLINE_S):
        task = asyncio.create_task(handle())
        await inserted.wait()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert connections_in_use(database) == 0
        assert await names(database) == []
        # Nothing of it goes on in the server: the row could be inserted again.
        await add(database, "Ada")


@pytest.mark.parametrize("fails", [True, False])
async def test_a_task_left_behind_reaches_no_other_session_whatever_it_is_doing(postgres_url: str, fails: bool) -> None:
    """A failing sibling in `asyncio.gather` leaves one: while it connects, in its BEGIN, its PREPARE, its INSERT."""
    database = create_database(postgres_url, max_connections=1)
    async with database.engine().begin() as connection:
        await connection.execute(text("create table person (name text primary key)"))

    async def leave(name: str, steps: int) -> set[asyncio.Task[object]]:
        left: set[asyncio.Task[object]] = set()
        with suppress(LookupError, SQLAlchemyError):  # unless it was awaited, its commit may fail as well
            async with session_scope(database) as session:
                statement = text("insert into person values (:name)")
                left.add(asyncio.create_task(session.execute(statement, {"name": name})))
                for _ in range(steps):
                    await asyncio.sleep(0)
                if fails:
                    raise LookupError("no")
        return left

    for steps in [*range(0, 160, 8), 0, *range(100, 1200, 100)]:
        if steps % 100:  # else it connects, too
            await names(database)
        else:
            await database.dispose()
        async with asyncio.timeout(DEADLINE_S):
            left = await leave(f"left {steps}", steps)
            await add(database, "other")
            await asyncio.gather(*left, return_exceptions=True)
            assert connections_in_use(database) == 0
            written = await names(database)
            assert written in (["other"], ["other"] if fails else [f"left {steps}", "other"])
            async with session_scope(database) as session:
                await session.execute(text("delete from person"))
    await database.dispose()


async def test_a_timeout_in_the_middle_of_a_query_rolls_back_and_stays_a_timeout(database: Database) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2), session_scope(database) as session:
            await session.execute(text("insert into person values ('Ada')"))
            await session.execute(text("select pg_sleep(60)"))
    assert await names(database) == []


async def test_a_session_more_than_allowed_waits_for_one_to_end(database: Database) -> None:
    ready, end = asyncio.Barrier(4), asyncio.Event()

    async def hold() -> None:
        async with session_scope(database) as session:
            await session.execute(text("select 1"))
            await ready.wait()
            await end.wait()

    async with asyncio.timeout(DEADLINE_S):
        holding = [asyncio.create_task(hold()) for _ in range(3)]
        await ready.wait()
        assert connections_in_use(database) == 3
        waiting = asyncio.create_task(add(database, "Ada"))
        done, _ = await asyncio.wait({waiting}, timeout=0.1)
        assert not done
        end.set()
        await asyncio.gather(waiting, *holding)
    assert await names(database) == ["Ada"]


async def test_connections_that_died_while_idle_are_not_noticed_by_a_job(database: Database, postgres_url: str) -> None:
    await add(database, "Ada")
    other = create_database(postgres_url)
    ended = await scalar(
        other, "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = 'sessions'"
    )
    await other.dispose()
    assert ended
    assert await names(database) == ["Ada"]


async def test_libpq_parameters_reach_the_server(postgres_url: str) -> None:
    database = create_database(
        f"{postgres_url}?application_name=mail+worker&options=-c%20search_path%3Dtenant&sslmode=disable&connect_timeout=5"
    )
    assert await scalar(database, "select current_setting('application_name')") == "mail worker"
    assert await scalar(database, "select current_setting('search_path')") == "tenant"
    await database.dispose()


async def test_a_server_without_tls_is_refused_when_tls_is_required(postgres_url: str) -> None:
    database = create_database(f"{postgres_url}?sslmode=require")
    with pytest.raises(DatabaseUnavailableError, match="rejected SSL upgrade"):
        await database.ping()
    await database.dispose()


async def test_the_first_of_several_hosts_that_answers_is_used(postgres_url: str) -> None:
    alive = postgres_url.rpartition("@")[2].partition("/")[0]
    database = create_database(f"{postgres_url.replace(alive, f'127.0.0.1:1,{alive}')}?target_session_attrs=read-write")
    await database.ping()
    await database.dispose()


async def test_a_database_that_does_not_exist_is_named_by_ping(postgres_server: PostgresServer) -> None:
    url = postgres_server.url.replace("/postgres", "/nowhere").replace("postgres@", "postgres:secret@")
    database = create_database(url)
    with pytest.raises(DatabaseUnavailableError, match='"nowhere" does not exist') as caught:
        await database.ping()
    assert "secret" not in str(caught.value)
    await database.dispose()


async def test_a_server_that_is_not_there_is_said_by_ping() -> None:
    database = create_database("postgresql://user@127.0.0.1:1/app")
    with pytest.raises(DatabaseUnavailableError, match=r"127\.0\.0\.1:1/app can't be used: .*Connect"):
        await database.ping()


async def test_a_server_that_does_not_answer_is_waited_for_no_longer_than_asked() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        database = create_database(f"postgresql://user@127.0.0.1:{silent.getsockname()[1]}/app")
        started = time.monotonic()
        with pytest.raises(DatabaseUnavailableError, match="no answer within 100 ms"):
            await database.ping("100ms")
        assert time.monotonic() - started < DEADLINE_S / 4


async def test_values_are_not_in_the_errors_of_sql(database: Database) -> None:
    with pytest.raises(IntegrityError) as caught:
        async with session_scope(database) as session:
            await session.execute(text("insert into person values (:name)"), {"name": None})
    assert "SQL parameters hidden" in str(caught.value)
