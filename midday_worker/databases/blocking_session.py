"""`blocking_session`: a session for a plain function, whose calls block and so run in threads."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from midday_worker.databases.scope import uninterrupted

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from midday_worker.databases.connection import Database


@asynccontextmanager
async def blocking_session(
    database: Database, run_plain: Callable[[Callable[[], object]], Awaitable[object]]
) -> AsyncGenerator[Session]:
    """Open a session within the block; it is committed at its end, or its connection is closed if that raises.

    Closed, not given back: the thread of a handler that was given up may be using it still.

    Args:
        database: where.
        run_plain: calls a plain function where it may block.
    """
    from midday_worker.databases.lazy_session import ConnectedSession

    session = ConnectedSession(database.blocking_engine(), expire_on_commit=False)

    async def call(function: Callable[[], object]) -> None:
        await run_plain(function)

    try:
        yield session
        await uninterrupted(call(session.commit))
        session.closed = True
        await uninterrupted(call(session.close))
    except BaseException:
        await uninterrupted(call(session.drop_connections))
        raise
