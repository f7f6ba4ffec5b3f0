"""`session_scope`: one session around one attempt."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Final, TypeVar, cast

from midday_worker.databases.missing_session import MissingSession
from midday_worker.errors import SessionEndedError

if TYPE_CHECKING:
    from types import TracebackType

    from sqlalchemy.ext.asyncio import AsyncSession

    from midday_worker.databases.connection import Database
    from midday_worker.databases.lazy_session import EndedSession, LazySession

T = TypeVar("T")

ROLLBACK_S: Final = 10
"""How long a rollback may take before its connection is thrown away, which ends the transaction too."""


class SessionScope:
    """`async with` gives a session; at the end it is committed or rolled back, if it was used, and closed for good.

    It is rolled back on every exception, a cancellation included. Neither a rollback nor a commit is cut
    short by a cancellation: that is raised when they are through. A commit that fails is raised.
    """

    __slots__ = ("_database", "_session")

    def __init__(self, database: Database | None) -> None:
        self._database = database
        self._session: LazySession | None = None

    async def __aenter__(self) -> AsyncSession:
        if self._database is None:
            return cast("AsyncSession", MissingSession())
        # Not at the top: a process without a database is spared SQLAlchemy's 150 ms and 18 MiB.
        from midday_worker.databases.lazy_session import LazySession

        self._session = LazySession(self._database.engine)
        return self._session

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        session = self._session
        if session is None:
            return
        if error is None and session.ended:  # given up meanwhile
            raise SessionEndedError
        ended = session.end()
        if ended is not None:
            await uninterrupted(_commit(ended) if error is None else _roll_back(ended, error))

    async def give_up(self) -> None:
        """End the session although its block hasn't ended: its connections are closed, and nothing is committed."""
        ended = None if self._session is None else self._session.end()
        if ended is not None:
            await uninterrupted(ended.drop())


def session_scope(database: Database | None) -> SessionScope:
    """Return the scope of one session.

    Args:
        database: None if none is configured; then any use of the session raises DatabaseNotConfiguredError.
    """
    return SessionScope(database)


def given_session(db: object) -> AsyncSession:
    """Return what a handler finds as `ctx.db` when it is run without a worker: what it was given, if anything."""
    return cast("AsyncSession", MissingSession(in_test=True) if db is None else db)


async def _commit(session: EndedSession) -> None:
    try:
        await session.commit()
    except BaseException as error:
        await _roll_back(session, error)
        raise
    await session.release()


async def _roll_back(session: EndedSession, error: BaseException) -> None:
    """Roll back and close. What fails in it is noted on `error`, which matters more."""
    try:
        async with asyncio.timeout(ROLLBACK_S):
            await session.rollback()
            await session.release()
    except Exception as problem:
        error.add_note(f"The rollback failed too, and the connection was dropped: {problem!r}")
        await session.drop()


async def uninterrupted(work: Coroutine[None, None, T]) -> T:
    """Await `work` to its end even when the waiting task is cancelled; then raise the cancellation."""
    task = asyncio.create_task(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    try:
        return task.result()
    finally:
        if cancelled is not None:
            raise cancelled
