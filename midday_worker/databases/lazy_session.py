"""`LazySession`: an SQLAlchemy session that costs nothing until it is used, and refuses use after its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, cast
from weakref import WeakSet

from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import Session

from midday_worker.errors import SessionEndedError

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.orm import SessionTransaction

_SET_BY_INIT: Final = frozenset({"sync_session", "_proxied", "_async_bind", "_async_binds"})
"""The attributes that AsyncSession's `__init__` sets, and through which all of its methods go."""


class ConnectedSession(Session):
    """A session that knows its connections, whatever state their transactions are in."""

    closed = False

    @property
    def connections(self) -> WeakSet[Connection]:
        """Those that it has begun a transaction on."""
        known: WeakSet[Connection] = self.__dict__.setdefault("_begun", WeakSet())
        return known

    def drop_connections(self) -> None:
        """Close connections instead of giving them back, whatever uses them."""
        self.closed = True
        for connection in list(self.connections):
            if not connection.closed:
                connection.invalidate()
                connection.close()


@event.listens_for(ConnectedSession, "after_begin")
def _begun(session: ConnectedSession, _transaction: SessionTransaction, connection: Connection) -> None:
    session.connections.add(connection)
    if session.closed:  # while this waited for its connection
        session.drop_connections()
        raise SessionEndedError


class LazySession(AsyncSession):
    """An `AsyncSession` whose engine is asked for, and whose `Session` is made, when an attribute needs them.

    Making an eager one, committing and closing it costs as much as the rest of a job does, and most jobs
    don't touch the database.
    """

    sync_session_class = ConnectedSession
    ended: bool = False
    """Whether any use is refused."""

    def __init__(self, engine: Callable[[], AsyncEngine]) -> None:
        # AsyncSession's own __init__ runs in _open.
        self._engine = engine

    @property
    def opened(self) -> bool:
        """Whether anything has used the session."""
        return "sync_session" in self.__dict__

    def end(self) -> EndedSession | None:
        """Refuse any further use with SessionEndedError; return what is to be committed or rolled back, if anything."""
        self.ended = True
        made = self.__dict__
        if "sync_session" not in made:  # not by `opened`: this is done for each job
            return None
        return EndedSession({name: made.pop(name) for name in _SET_BY_INIT if name in made})

    def __getattr__(self, name: str) -> object:
        if name not in _SET_BY_INIT:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
        if self.ended:
            raise SessionEndedError
        self._open()
        return self.__dict__[name]

    def _open(self) -> None:
        # After a commit nothing may be loaded by touching an attribute: there is no await to do it in.
        super().__init__(self._engine(), expire_on_commit=False)


class EndedSession(AsyncSession):
    """A session in the hands of its scope alone: what else still uses it is in the midst of a call.

    Args:
        made: what AsyncSession's `__init__` has set.
    """

    def __init__(self, made: Mapping[str, object]) -> None:
        self.__dict__.update(made)

    async def release(self) -> None:
        """Close it, and give its connection back."""
        sync = cast("ConnectedSession", self.sync_session)
        sync.closed = True
        try:
            await self.close()
        except SQLAlchemyError:  # a call is under way that connects, or ends the transaction
            await self.drop()

    async def drop(self) -> None:
        """Close it and its connections, whatever uses them."""
        await self.run_sync(lambda session: cast("ConnectedSession", session).drop_connections())
