"""`MissingSession`: what stands at `ctx.db` where there is no database."""

from __future__ import annotations

from midday_worker.errors import DatabaseNotConfiguredError


class MissingSession:
    """Any use of it raises DatabaseNotConfiguredError. It spares a process without a database SQLAlchemy's 18 MiB.

    Args:
        in_test: whether a worker would have one, and only this call has none.
    """

    __slots__ = ("_in_test",)

    def __init__(self, *, in_test: bool = False) -> None:
        self._in_test = in_test

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):  # somebody looks what it is, and doesn't use it
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
        raise DatabaseNotConfiguredError(in_test=self._in_test)

    async def __aenter__(self) -> object:
        raise DatabaseNotConfiguredError(in_test=self._in_test)

    async def __aexit__(self, *_: object) -> None:
        raise DatabaseNotConfiguredError(in_test=self._in_test)

    def __contains__(self, _: object) -> bool:
        raise DatabaseNotConfiguredError(in_test=self._in_test)

    def __iter__(self) -> object:
        raise DatabaseNotConfiguredError(in_test=self._in_test)
