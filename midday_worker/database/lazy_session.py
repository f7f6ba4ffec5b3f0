"""`LazySession`: an SQLAlchemy session that costs nothing until it is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

_SET_BY_INIT: Final = frozenset({"sync_session", "_proxied", "_async_bind", "_async_binds"})
"""The attributes that AsyncSession's `__init__` sets, and through which all of its methods go."""


class LazySession(AsyncSession):
    """An `AsyncSession` whose engine is asked for, and whose `Session` is made, when an attribute needs them.

    Making an eager one, committing and closing it costs as much as the rest of a job does, and most jobs
    don't touch the database.
    """

    def __init__(self, engine: Callable[[], AsyncEngine]) -> None:
        # AsyncSession's own __init__ runs in _open.
        self._engine = engine

    @property
    def opened(self) -> bool:
        """Whether anything has used the session."""
        return "sync_session" in self.__dict__

    def __getattr__(self, name: str) -> object:
        if name not in _SET_BY_INIT:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
        self._open()
        return self.__dict__[name]

    def _open(self) -> None:
        # After a commit nothing may be loaded by touching an attribute: there is no await to do it in.
        super().__init__(self._engine(), expire_on_commit=False)
