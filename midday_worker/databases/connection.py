"""`Database`: one engine with its pool of connections, made on first use."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypedDict, cast

from midday_worker.databases.address import DatabaseAddress, parse_address
from midday_worker.errors import ConfigurationError, DatabaseUnavailableError
from midday_worker.settings.durations import Duration, to_milliseconds
from midday_worker.settings.settings import redact_url

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine
    from sqlalchemy.engine.default import DefaultDialect
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
    from sqlalchemy.pool import ConnectionPoolEntry

KEPT_CONNECTIONS: Final = 5
"""How many connections stay open when nothing uses them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolUse:
    """The connections of a pool: in use, open and idle, and how many there may be."""

    in_use: int
    idle: int
    limit: int


class _Pool(TypedDict, total=False):
    hide_parameters: bool
    pool_pre_ping: bool
    pool_size: int
    max_overflow: int


class Database:
    """A database and its pool. It belongs to the event loop on which it is first used.

    Attributes:
        url: where it is, password hidden.
    """

    def __init__(self, url: str, *, max_connections: int, hide_parameters: bool) -> None:
        self.url = redact_url(url)
        self._address: Final[DatabaseAddress] = parse_address(url)
        self._max_connections = max_connections
        self._hide_parameters = hide_parameters
        self._made: AsyncEngine | None = None
        self._made_blocking: Engine | None = None

    def __repr__(self) -> str:
        return f"Database({self.url!r})"

    def engine(self) -> AsyncEngine:
        """Return the engine, which is made at the first call; connections are opened when they are needed."""
        if self._made is None:
            self._made = self._make()
        return self._made

    def blocking_engine(self) -> Engine:
        """Return the engine for plain functions, which is made at the first call; it has connections of its own.

        Raises:
            ConfigurationError: there is no driver for it.
        """
        if self._made_blocking is None:
            self._made_blocking = self._make_blocking()
        return self._made_blocking

    def session(self) -> AsyncSession:
        """Return a session that opens on first use. Whoever asks for it commits and closes it."""
        from midday_worker.databases.lazy_session import LazySession

        return LazySession(self.engine)

    async def ping(self, timeout: Duration = "5s") -> None:  # noqa: ASYNC109 - a caller's words
        """Ask the database for an answer.

        Raises:
            DatabaseUnavailableError: none came within `timeout`, or an error did; it says which.
        """
        from sqlalchemy import text
        from sqlalchemy.exc import SQLAlchemyError

        limit_ms = to_milliseconds(timeout, "timeout")
        try:
            async with asyncio.timeout(limit_ms / 1000), self.engine().connect() as connection:
                await connection.execute(text("SELECT 1"))
        except TimeoutError as error:
            raise DatabaseUnavailableError(self.url, f"no answer within {limit_ms} ms") from error
        except (SQLAlchemyError, OSError) as error:
            raise DatabaseUnavailableError(self.url, str(getattr(error, "orig", None) or error)) from error

    def pool_use(self) -> PoolUse | None:
        """Return how many connections are open, and in use; None before the first, and of a database in memory."""
        from sqlalchemy.pool import QueuePool

        pool = None if self._made is None else self._made.pool
        if not isinstance(pool, QueuePool):
            return None
        return PoolUse(in_use=pool.checkedout(), idle=pool.checkedin(), limit=self._max_connections)

    async def dispose(self) -> None:
        """Close all connections. The database can be used again afterwards."""
        engine, self._made = self._made, None
        if engine is not None:
            await engine.dispose()
        blocking, self._made_blocking = self._made_blocking, None
        if blocking is not None:
            await asyncio.to_thread(blocking.dispose)

    def _make(self) -> AsyncEngine:
        # Not at the top: a process that only triggers jobs is spared SQLAlchemy's 150 ms.
        from sqlalchemy import event
        from sqlalchemy.engine import make_url
        from sqlalchemy.ext.asyncio import create_async_engine

        url = make_url(self._address.engine_url)
        engine = create_async_engine(url, connect_args=self._address.connect_args, **self._pool(url))
        event.listen(engine.sync_engine, "checkin", _keep_out_unfinished)
        if self._address.is_sqlite:
            _prepare_sqlite(engine.sync_engine)
        return engine

    def _make_blocking(self) -> Engine:
        from sqlalchemy import create_engine
        from sqlalchemy.engine import make_url

        url = make_url(self._address.blocking_url)
        try:
            engine = create_engine(url, connect_args=self._address.blocking_args, **self._pool(url))
        except ModuleNotFoundError as error:
            raise ConfigurationError(
                f"A plain function depends on a session of {self.url}, for which there is no driver here: "
                "pip install 'midday-worker[psycopg]'."
            ) from error
        if self._address.is_sqlite:
            _prepare_sqlite(engine)
        return engine

    def _pool(self, url: URL) -> _Pool:
        from sqlalchemy.pool import QueuePool

        # A worker may be idle for hours: a connection that died meanwhile must not fail a job.
        options = _Pool(hide_parameters=self._hide_parameters, pool_pre_ping=not self._address.is_sqlite)
        # A database in memory has one connection, and no pool that could be bounded.
        dialect = cast("type[DefaultDialect]", url.get_dialect())
        if issubclass(dialect.get_pool_class(url), QueuePool):
            kept = min(KEPT_CONNECTIONS, self._max_connections)
            options |= {"pool_size": kept, "max_overflow": self._max_connections - kept}
        return options


def create_database(url: str, *, max_connections: int = 20, hide_parameters: bool = True) -> Database:
    """Return the database behind a URL, without connecting to it.

    Args:
        url: `postgresql://`, also with libpq's parameters (`sslmode`, `connect_timeout`, ...), or `sqlite:///path`.
        max_connections: how many may be open at once; a session more than that waits.
        hide_parameters: keep the values in SQL statements out of errors and logs.

    Raises:
        ConfigurationError: the URL is of another form, or has a parameter that asyncpg can't follow.
    """
    return Database(url, max_connections=max_connections, hide_parameters=hide_parameters)


def _keep_out_unfinished(connection: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
    """Close a connection that comes back to the pool within a transaction or a statement: the next job would be in it.

    A task that a handler has left behind may still use it, so that SQLAlchemy's rollback failed, or found nothing yet.
    """
    driver = entry.driver_connection
    if connection is None or driver is None:
        return
    mutex = getattr(connection, "_execute_mutex", None)  # SQLAlchemy's, held from the BEGIN to a statement's rows
    in_transaction = driver.in_transaction if hasattr(driver, "in_transaction") else driver.is_in_transaction()
    if in_transaction or (isinstance(mutex, asyncio.Lock) and mutex.locked()):
        entry.invalidate()


def _prepare_sqlite(engine: Engine) -> None:
    from sqlalchemy import event

    def prepare(connection: DBAPIConnection, _record: object) -> None:
        cursor = connection.cursor()
        # Readers don't wait for a writer; foreign keys count, as they do in PostgreSQL.
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    event.listen(engine, "connect", prepare)
