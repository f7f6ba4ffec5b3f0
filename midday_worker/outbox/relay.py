"""`Relay`: takes what transactions have left in the outbox, adds it to Redis, and marks it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, cast

from loguru import logger
from sqlalchemy import delete, func, select, update

from midday_worker.databases import Database, create_database
from midday_worker.engine.producer.relayed import add_stored
from midday_worker.engine.redis.pause import pause_s
from midday_worker.errors import DatabaseUnavailableError, OutboxError
from midday_worker.outbox.table import CHANNEL, OUTBOX, check_table, now_ms, read_version

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from midday_worker.client.client import JobClient

BATCH: Final = 1_000
"""How many rows are taken at once."""
KEPT_S: Final = 7 * 24 * 3600
"""For how long rows that were sent are kept, to be sent again to a Redis that was restored from an older dump."""

_POLL_S: Final = 1.0
"""How often it is looked for rows without anything having been told: for those that are to be tried again."""
_POLL_SQLITE_S: Final = 0.015
"""How often SQLite is asked whether anything was written, which costs a tenth of a look for rows."""
_LOOK_S: Final = 60.0
"""How often it is looked whether there is a table, and rows that are too old."""
_LONGEST_RETRY_S: Final = 300
_DELETED: Final = 10_000
_HELD_MS: Final = 60_000
"""For how long PostgreSQL keeps rows for a relay of which it hears nothing: its machine may be gone."""


class ListeningConnection(Protocol):
    """asyncpg's connection."""

    async def add_listener(self, channel: str, callback: Callable[..., None]) -> None: ...
    def is_closed(self) -> bool: ...


class WatchedConnection(Protocol):
    """aiosqlite's connection."""

    async def execute_fetchall(self, sql: str) -> Iterable[object]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What is in the outbox and not in Redis.

    Attributes:
        rows: how many rows: a job each, or a flow.
        oldest_s: since when the oldest one waits; 0 if none does.
        refused: how many Redis has refused; they are tried again.
        error: why the newest of those was.
    """

    rows: int
    oldest_s: float
    refused: int
    error: str | None


class Relay:
    """Brings jobs from one database's outbox to Redis, as long as it runs. There may be any number, anywhere.

    Args:
        url: the database's.
        client: of the Redis.
    """

    def __init__(self, url: str, client: JobClient) -> None:
        # Of its own: it takes no connection away from jobs. One listens, the others work.
        self._database = create_database(url, max_connections=3)
        self._client = client
        self._woken = asyncio.Event()
        self._has_table = False
        self._failures = 0
        """How many there were in a row."""

    async def run(self) -> None:
        """Relay until cancelled. Where there is no table, it is looked for once a minute."""
        try:
            while True:
                try:
                    await self._work()
                    await asyncio.sleep(_LOOK_S)
                except Exception as error:  # whatever it is: what is in the table has to be sent once that is possible
                    level = "DEBUG" if self._failures else "WARNING"
                    logger.log(level, "the outbox is not relayed now: {error}", error=error)
                    await asyncio.sleep(_LOOK_S if isinstance(error, OutboxError) else pause_s(self._failures))
                    self._failures += 1
        finally:
            await self.dispose()

    async def dispose(self) -> None:
        """Close its connections to the database."""
        await self._database.dispose()

    async def backlog(self, limit_s: float) -> Backlog | None:
        """Return what waits; None where there is no table, or the database doesn't answer in time."""
        if not self._has_table:
            return None
        try:
            async with asyncio.timeout(limit_s):
                return await backlog(self._database)
        except Exception as error:  # whatever it is, there are other metrics
            logger.debug("the outbox could not be measured: {error}", error=error)
            return None

    async def _work(self) -> None:
        """Relay until something goes wrong. Returns if there is no table."""
        engine = self._database.engine()
        async with engine.connect() as connection:
            if await connection.run_sync(read_version) is None:
                return
            await connection.run_sync(check_table)
        self._has_table = True
        async with AsyncExitStack() as stack:
            is_deaf = await self._listen(engine, stack)
            cleaned = 0.0
            while True:
                self._woken.clear()
                while await self.relay_some() == BATCH:
                    pass
                self._failures = 0
                if (now := asyncio.get_running_loop().time()) - cleaned > _LOOK_S:
                    cleaned = now
                    await remove_old(self._database)
                if is_deaf():
                    raise DatabaseUnavailableError(self._database.url, "the connection that listened is closed")
                with suppress(TimeoutError):
                    async with asyncio.timeout(_POLL_S):
                        await self._woken.wait()

    async def relay_some(self) -> int:
        """Add what is in some rows, and mark them; return how many were taken.

        Where this ends in between, they are taken again, and Redis knows that it has them.
        """
        async with self._database.engine().begin() as connection:
            now = now_ms()
            rows = (
                await connection.execute(
                    select(OUTBOX.c.id, OUTBOX.c.jobs, OUTBOX.c.failures)
                    .where(OUTBOX.c.sent_ms.is_(None), OUTBOX.c.next_try_ms <= now)
                    .order_by(OUTBOX.c.id)
                    .limit(BATCH)
                    .with_for_update(skip_locked=True)  # SQLite has no such locks, and does without
                )
            ).all()
            if rows:
                if connection.dialect.name == "postgresql":
                    held = func.set_config("idle_in_transaction_session_timeout", str(_HELD_MS), True)
                    await connection.execute(select(held))
                errors = await add_stored([row.jobs for row in rows], self._client.queue_at)
                await mark_rows(connection, [(row.id, row.failures) for row in rows], errors)
            return len(rows)

    async def _listen(self, engine: AsyncEngine, stack: AsyncExitStack) -> Callable[[], bool]:
        """Let the database wake this, until `stack` ends; return what tells whether that has broken."""
        connection = await stack.enter_async_context(engine.connect())
        driver = (await connection.get_raw_connection()).driver_connection
        if engine.dialect.name == "postgresql":
            listening = cast("ListeningConnection", driver)
            await listening.add_listener(CHANNEL, self._wake)
            return listening.is_closed
        watching = asyncio.create_task(self._watch(cast("WatchedConnection", driver)))
        stack.push_async_callback(asyncio.wait, {watching})
        stack.callback(watching.cancel)
        return lambda: watching.done() and watching.result() is None  # which raises what has broken it

    async def _watch(self, connection: WatchedConnection) -> None:
        """Wake this when another connection has written. SQLite tells nobody of it, but counts."""
        before: list[object] = []
        while True:
            count = list(await connection.execute_fetchall("PRAGMA data_version"))
            if count != before:
                self._wake()
            before = count
            await asyncio.sleep(_POLL_SQLITE_S)

    def _wake(self, *_: object) -> None:
        self._woken.set()


async def mark_rows(connection: AsyncConnection, rows: Sequence[tuple[int, int]], errors: Mapping[int, str]) -> None:
    """Mark rows, of which id and failures are given, as sent; those that were refused as to be tried again."""
    now = now_ms()
    sent = [row_id for place, (row_id, _) in enumerate(rows) if place not in errors]
    await connection.execute(update(OUTBOX).where(OUTBOX.c.id.in_(sent)).values(sent_ms=now, failures=0, error=None))
    for place, error in errors.items():
        row_id, failures = rows[place]
        pause = min(_LONGEST_RETRY_S, 2 ** min(failures, 10)) * 1000
        tried = {"failures": failures + 1, "next_try_ms": now + pause, "error": error}
        await connection.execute(update(OUTBOX).where(OUTBOX.c.id == row_id).values(tried))
        if not failures:
            logger.error("row {id} of the outbox was refused, and is tried again: {error}", id=row_id, error=error)


async def backlog(database: Database) -> Backlog | None:
    """Return what waits in a database's outbox; None where there is no table."""
    async with database.engine().connect() as connection:
        if await connection.run_sync(read_version) is None:
            return None
        unsent = OUTBOX.c.sent_ms.is_(None)
        counts = select(func.count(), func.min(OUTBOX.c.created_ms), func.count().filter(OUTBOX.c.failures > 0))
        rows, oldest, refused = (await connection.execute(counts.where(unsent))).one()
        newest = select(OUTBOX.c.error).where(unsent, OUTBOX.c.error.is_not(None)).order_by(OUTBOX.c.id.desc()).limit(1)
        error = await connection.scalar(newest)
    age_s = 0.0 if oldest is None else max(0.0, (now_ms() - oldest) / 1000)
    return Backlog(rows=rows, oldest_s=age_s, refused=refused, error=error)


async def replay(database: Database, since_ms: int, *, dry_run: bool = False) -> int:
    """Let rows that were sent since a moment be sent again; return how many. Redis adds those that it doesn't know."""
    chosen = OUTBOX.c.sent_ms >= since_ms
    async with database.engine().begin() as connection:
        await connection.run_sync(check_table)
        if dry_run:
            return await connection.scalar(select(func.count()).select_from(OUTBOX).where(chosen)) or 0
        done = await connection.execute(update(OUTBOX).where(chosen).values(sent_ms=None, next_try_ms=0))
        if connection.dialect.name == "postgresql":
            await connection.execute(select(func.pg_notify(CHANNEL, "")))
        return done.rowcount


async def remove_old(database: Database) -> None:
    """Remove rows that were sent long ago, some at a time."""
    old = select(OUTBOX.c.id).where(OUTBOX.c.sent_ms < now_ms() - KEPT_S * 1000).limit(_DELETED)
    while True:
        async with database.engine().begin() as connection:
            done = await connection.execute(delete(OUTBOX).where(OUTBOX.c.id.in_(old)))
        if done.rowcount < _DELETED:
            return
