"""LazySession: an AsyncSession in every way, but for what it costs unused."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_object_session, create_async_engine
from sqlalchemy.orm import Session

from midday_worker.databases import session_scope
from midday_worker.databases.lazy_session import LazySession
from midday_worker.errors import DatabaseNotConfiguredError
from tests.unit.databases.people import Person


class Engines:
    """Makes engines, and knows which it made."""

    def __init__(self) -> None:
        self.made: list[AsyncEngine] = []

    def make(self) -> AsyncEngine:
        self.made.append(create_async_engine("sqlite+aiosqlite://"))
        return self.made[-1]


@pytest.fixture
async def engines() -> AsyncIterator[Engines]:
    engines = Engines()
    yield engines
    for engine in engines.made:
        await engine.dispose()


@pytest.fixture
def session(engines: Engines) -> LazySession:
    return LazySession(engines.make)


def test_it_is_an_async_session_that_has_not_been_opened(session: LazySession, engines: Engines) -> None:
    assert isinstance(session, AsyncSession)
    assert not session.opened
    assert engines.made == []


async def test_it_works_as_one_from_the_first_use(session: LazySession) -> None:
    async with session:
        assert await session.scalar(text("select 1")) == 1
    assert session.opened
    assert isinstance(session.sync_session, Session)


@pytest.mark.parametrize(
    "name",
    [
        "sync_session",
        "bind",
        "binds",
        "new",
        "dirty",
        "deleted",
        "identity_map",
        "is_active",
        "autoflush",
        "no_autoflush",
        "info",
        "execution_options",
    ],
)
def test_each_of_its_attributes_opens_it(name: str, session: LazySession) -> None:
    getattr(session, name)
    assert session.opened


@pytest.mark.parametrize(
    "name", ["in_transaction", "in_nested_transaction", "get_bind", "get_transaction", "expire_all", "expunge_all"]
)
def test_each_of_its_methods_opens_it(name: str, session: LazySession) -> None:
    getattr(session, name)()
    assert session.opened


@pytest.mark.parametrize("name", ["commit", "rollback", "flush", "close", "reset", "invalidate", "connection", "begin"])
async def test_each_of_its_coroutines_opens_it(name: str, session: LazySession) -> None:
    await getattr(session, name)()
    assert session.opened
    await session.close()


def test_setting_an_attribute_opens_it(session: LazySession) -> None:
    session.autoflush = False
    assert session.opened
    assert not session.sync_session.autoflush


def test_it_is_opened_once(session: LazySession, engines: Engines) -> None:
    assert session.sync_session is session.sync_session
    assert [session.bind] == engines.made


def test_it_is_a_container_of_its_objects(session: LazySession) -> None:
    ada = Person(name="Ada")
    session.add(ada)
    assert ada in session
    assert list(session) == [ada]


def test_an_object_finds_the_lazy_session_it_is_in(session: LazySession) -> None:
    ada = Person(name="Ada")
    session.add(ada)
    assert async_object_session(ada) is session


def test_looking_at_it_does_not_open_it(session: LazySession) -> None:
    assert "LazySession" in repr(session)
    assert not hasattr(session, "no_such_attribute")
    with pytest.raises(AttributeError, match="'LazySession' object has no attribute 'excute'"):
        getattr(session, "excute")  # noqa: B009 - a misspelt name, which a checker would refuse
    assert not session.opened


@pytest.mark.parametrize("name", ["commit", "connection", "begin", "flush"])
async def test_without_a_database_any_use_says_what_to_configure(name: str) -> None:
    with pytest.raises(DatabaseNotConfiguredError, match="Set DATABASE_PRIMARY_URL"):
        async with session_scope(None) as session:
            await getattr(session, name)()


async def test_without_a_database_adding_an_object_says_so_at_once() -> None:
    async with session_scope(None) as session:
        with pytest.raises(DatabaseNotConfiguredError):
            session.add(Person(name="Ada"))


async def test_without_a_database_an_unused_session_is_no_trouble() -> None:
    """It may be looked at."""
    async with session_scope(None) as session:
        assert "MissingSession" in repr(session)
        assert not hasattr(session, "__no_such_attribute__")


async def test_without_a_database_a_session_s_own_block_raises_too() -> None:
    async with session_scope(None) as session:
        with pytest.raises(DatabaseNotConfiguredError):
            async with session:
                raise AssertionError("it was entered")
        with pytest.raises(DatabaseNotConfiguredError):
            _ = object() in session
        with pytest.raises(DatabaseNotConfiguredError):
            list(session)


@pytest.mark.process
def test_without_a_database_sqlalchemy_is_not_loaded() -> None:
    """In a process of its own; a worker has its service, and its attempts their scope."""
    script = """if True:
        import asyncio
        import sys

        import midday_worker.workers.service
        from midday_worker.databases import session_scope

        async def attempt() -> None:
            async with session_scope(None) as session:
                repr(session)

        asyncio.run(attempt())
        assert "sqlalchemy" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", script], check=True)
