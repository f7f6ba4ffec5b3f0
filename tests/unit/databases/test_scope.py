"""session_scope: committed, rolled back or untouched, and always closed. On SQLite, in a file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import event, inspect, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.pool import QueuePool

from midday_worker.databases import Database, create_database, session_scope
from midday_worker.databases import scope as scope_module
from midday_worker.databases.lazy_session import LazySession
from midday_worker.errors import SessionEndedError
from tests.unit.databases.people import Person, create_tables

DEADLINE_S = 10


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = create_database(f"sqlite:///{tmp_path / 'people.db'}")
    await create_tables(database)
    yield database
    await database.dispose()


async def names(database: Database) -> list[str]:
    async with session_scope(database) as session:
        return list(await session.scalars(select(Person.name).order_by(Person.name)))


def connections_in_use(database: Database) -> int:
    return cast("QueuePool", database.engine().pool).checkedout()


async def test_what_was_added_is_committed(database: Database) -> None:
    async with session_scope(database) as session:
        session.add(Person(name="Ada"))
    assert await names(database) == ["Ada"]
    assert connections_in_use(database) == 0


async def test_an_unused_session_makes_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Database) -> None:
        pytest.fail("an engine was made")

    monkeypatch.setattr(Database, "_make", refuse)
    database = create_database("sqlite:///nowhere/at/all.db")
    async with session_scope(database):
        pass
    with pytest.raises(KeyError):
        async with session_scope(database):
            raise KeyError
    await database.dispose()


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), GeneratorExit(), asyncio.CancelledError()])
async def test_every_exception_rolls_back_and_goes_on(database: Database, error: BaseException) -> None:
    with pytest.raises(type(error)) as caught:
        async with session_scope(database) as session:
            session.add(Person(name="Ada"))
            await session.flush()
            raise error
    assert caught.value is error
    assert await names(database) == []
    assert connections_in_use(database) == 0


async def test_objects_stay_readable_after_the_commit(database: Database) -> None:
    async with session_scope(database) as session:
        ada = Person(name="Ada")
        session.add(ada)
    assert ada.name == "Ada"
    assert inspect(ada).detached


@pytest.mark.parametrize("ends", ["with a commit", "with an error", "given up"])
@pytest.mark.parametrize("used", [True, False])
async def test_a_session_refuses_further_use_when_its_scope_has_ended(
    database: Database, ends: str, used: bool
) -> None:
    scope, sessions = session_scope(database), list[AsyncSession]()
    with suppress(LookupError):
        async with scope as session:
            sessions.append(session)
            if used:
                await session.execute(select(1))
            if ends == "given up":
                await scope.give_up()
            if ends != "with a commit":
                raise LookupError
    session = sessions[0]
    with pytest.raises(SessionEndedError, match="after its job had ended"):
        session.add(Person(name="Ada"))
    with pytest.raises(SessionEndedError):
        await session.execute(select(1))
    with pytest.raises(SessionEndedError):
        await session.commit()
    assert connections_in_use(database) == 0


async def test_what_was_given_up_does_not_end_as_if_it_had_been_committed(database: Database) -> None:
    scope = session_scope(database)
    with pytest.raises(SessionEndedError):
        async with scope as session:
            session.add(Person(name="Ada"))
            await session.flush()
            await scope.give_up()
    assert await names(database) == []


async def test_a_session_is_refused_to_what_else_runs_while_it_is_committed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(monkeypatch, "commit")
    async with asyncio.timeout(DEADLINE_S):
        sessions: list[AsyncSession] = []

        async def add() -> None:
            async with session_scope(database) as session:
                sessions.append(session)
                session.add(Person(name="Ada"))

        adding = asyncio.create_task(add())
        await held.reached.wait()
        with pytest.raises(SessionEndedError):
            sessions[0].add(Person(name="Bob"))
        held.let_go.set()
        await adding
    monkeypatch.undo()
    assert await names(database) == ["Ada"]


async def test_a_commit_that_fails_is_raised_and_rolled_back(database: Database) -> None:
    async with session_scope(database) as session:
        session.add(Person(name="Ada"))
    with pytest.raises(IntegrityError):
        async with session_scope(database) as session:
            session.add_all([Person(name="Grace"), Person(name="Ada")])
    assert await names(database) == ["Ada"]
    assert connections_in_use(database) == 0


async def test_a_handler_may_commit_on_its_own_and_keeps_that(database: Database) -> None:
    with pytest.raises(ValueError, match="later"):
        async with session_scope(database) as session:
            session.add(Person(name="Ada"))
            await session.commit()
            session.add(Person(name="Grace"))
            raise ValueError("later")
    assert await names(database) == ["Ada"]


class Held:
    """Holds up one method of every session until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
        self.reached = asyncio.Event()
        self.let_go = asyncio.Event()
        original = getattr(AsyncSession, method)

        async def held(session: AsyncSession) -> None:
            self.reached.set()
            await self.let_go.wait()
            await original(session)

        monkeypatch.setattr(AsyncSession, method, held)


async def add_ada(database: Database, *, fail: bool = False) -> None:
    async with session_scope(database) as session:
        session.add(Person(name="Ada"))
        await session.flush()
        if fail:
            raise ValueError("no")


async def test_a_cancellation_waits_for_a_commit_that_is_under_way(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = Held(monkeypatch, "commit")
    async with asyncio.timeout(DEADLINE_S):
        task = asyncio.create_task(add_ada(database))
        await commit.reached.wait()
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
        commit.let_go.set()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await names(database) == ["Ada"]
    assert connections_in_use(database) == 0


async def test_a_cancellation_waits_for_a_rollback_that_is_under_way(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollback = Held(monkeypatch, "rollback")
    async with asyncio.timeout(DEADLINE_S):
        task = asyncio.create_task(add_ada(database, fail=True))
        await rollback.reached.wait()
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
        rollback.let_go.set()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert connections_in_use(database) == 0
    assert await names(database) == []


async def test_a_timeout_rolls_back_and_stays_a_timeout(database: Database) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05), session_scope(database) as session:
            session.add(Person(name="Ada"))
            await session.flush()
            await asyncio.Event().wait()
    assert await names(database) == []


async def test_a_rollback_that_hangs_loses_its_connection_and_the_first_error_is_raised(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scope_module, "ROLLBACK_S", 0.05)
    with monkeypatch.context() as patch:
        Held(patch, "rollback")
        async with asyncio.timeout(DEADLINE_S):
            with pytest.raises(ValueError, match="no") as caught:
                await add_ada(database, fail=True)
    assert caught.value.__notes__ == ["The rollback failed too, and the connection was dropped: TimeoutError()"]
    assert connections_in_use(database) == 0
    assert await names(database) == []


async def test_a_rollback_that_fails_does_not_hide_the_first_error(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_: AsyncSession) -> None:
        raise ConnectionError("gone")

    monkeypatch.setattr(AsyncSession, "rollback", broken)
    with pytest.raises(ValueError, match="no") as caught:
        await add_ada(database, fail=True)
    assert caught.value.__notes__ == [
        "The rollback failed too, and the connection was dropped: ConnectionError('gone')"
    ]
    assert connections_in_use(database) == 0


async def test_writers_at_the_same_time_wait_for_each_other(database: Database) -> None:
    async def add(name: str) -> None:
        async with session_scope(database) as session:
            await session.get(Person, name)
            session.add(Person(name=name))
            await session.flush()
            await asyncio.sleep(0)

    await asyncio.gather(*(add(f"person {number}") for number in range(12)))
    assert len(await names(database)) == 12


async def test_a_session_of_ones_own_is_lazy_too(database: Database) -> None:
    session = database.session()
    assert isinstance(session, LazySession)
    assert not session.opened
    async with session:
        assert await session.get(Person, "Ada") is None


async def test_a_database_works_again_after_dispose(database: Database) -> None:
    before = database.engine()
    await database.dispose()
    await database.dispose()
    await database.ping()
    assert database.engine() is not before


async def test_foreign_keys_count_as_they_do_in_postgresql(database: Database) -> None:
    async with database.engine().connect() as connection:
        assert (await connection.exec_driver_sql("PRAGMA foreign_keys")).scalar() == 1


async def test_a_writer_does_not_wait_for_readers(database: Database) -> None:
    async with database.engine().connect() as connection:
        assert (await connection.exec_driver_sql("PRAGMA journal_mode")).scalar() == "wal"


async def test_readers_do_not_wait_for_a_writer(database: Database) -> None:
    async with asyncio.timeout(DEADLINE_S), session_scope(database) as session:
        session.add(Person(name="Ada"))
        await session.flush()
        assert await names(database) == []


async def test_sql_errors_do_not_show_values_unless_allowed(tmp_path: Path) -> None:
    for hide_parameters, shown in ((True, False), (False, True)):
        database = create_database(f"sqlite:///{tmp_path / 'other.db'}", hide_parameters=hide_parameters)
        await create_tables(database)
        with pytest.raises(IntegrityError) as caught:
            async with session_scope(database) as session:
                session.add(Person(name="4111-1111"))
                await session.flush()
                session.expunge_all()
                session.add(Person(name="4111-1111"))
        await database.dispose()
        assert ("4111-1111" in str(caught.value)) is shown


def test_a_database_is_shown_without_its_password() -> None:
    database = create_database("postgresql://user:secret@localhost/app")
    assert repr(database) == "Database('postgresql://user:***@localhost/app')"
    assert database.url == "postgresql://user:***@localhost/app"
    assert "secret" not in repr(database.engine())


def test_events_of_a_session_see_the_lazy_one_as_any_other(tmp_path: Path) -> None:
    seen: list[str] = []

    def note(_: object) -> None:
        seen.append("committed")

    async def use() -> None:
        database = create_database(f"sqlite:///{tmp_path / 'events.db'}")
        async with session_scope(database) as session:
            event.listen(session.sync_session, "after_commit", note)
            await session.connection()
        await database.dispose()

    asyncio.run(use())
    assert seen == ["committed"]
