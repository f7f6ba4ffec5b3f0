"""`session_scope`: one session around one attempt."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Final, cast

from midday_worker.database.missing_session import MissingSession

if TYPE_CHECKING:
    from types import TracebackType

    from sqlalchemy.ext.asyncio import AsyncSession

    from midday_worker.database.connection import Database
    from midday_worker.database.lazy_session import LazySession

ROLLBACK_S: Final = 10
"""How long a rollback may take before its connection is thrown away, which ends the transaction too."""


class SessionScope:
    """`async with` gives a session; at the end it is committed or rolled back, if it was used, and closed.

    It is rolled back on every exception, a cancellation included. Neither a rollback nor a commit is cut
    short by a cancellation: that is raised when they are through. A commit that fails is raised.
    """

    __slots__ = ("_database", "_session")

    _session: LazySession | None

    def __init__(self, database: Database | None) -> None:
        self._database = database

    async def __aenter__(self) -> AsyncSession:
        if self._database is None:
            self._session = None
            return cast("AsyncSession", MissingSession())
        # Not at the top: a process without a database is spared SQLAlchemy's 150 ms and 18 MiB.
        from midday_worker.database.lazy_session import LazySession

        self._session = LazySession(self._database.engine)
        return self._session

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._session is None or not self._session.opened:
            return
        if error is None:
            await _uninterrupted(_commit(self._session))
        else:
            await _uninterrupted(_roll_back(self._session, error))


def session_scope(database: Database | None) -> SessionScope:
    """Return the scope of one session.

    Args:
        database: None if none is configured; then any use of the session raises DatabaseNotConfiguredError.
    """
    return SessionScope(database)


def given_session(db: object) -> AsyncSession:
    """Return what a handler finds as `ctx.db` when it is run without a worker: what it was given, if anything."""
    return cast("AsyncSession", MissingSession(in_test=True) if db is None else db)


async def _commit(session: LazySession) -> None:
    try:
        await session.commit()
    except BaseException as error:
        await _roll_back(session, error)
        raise
    await session.close()


async def _roll_back(session: LazySession, error: BaseException) -> None:
    """Roll back and close. What fails in it is noted on `error`, which matters more."""
    try:
        async with asyncio.timeout(ROLLBACK_S):
            await session.rollback()
            await session.close()
    except Exception as problem:
        error.add_note(f"The rollback failed too, and the connection was dropped: {problem!r}")
        await session.invalidate()


async def _uninterrupted(work: Coroutine[None, None, None]) -> None:
    """Await `work` to its end even when the waiting task is cancelled; then raise the cancellation."""
    task = asyncio.create_task(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    try:
        task.result()
    finally:
        if cancelled is not None:
            raise cancelled
