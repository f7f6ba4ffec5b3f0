"""`Track`: rows that tell how many of them are done, seldom enough to cost nothing."""

from __future__ import annotations

import time
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Sized
from typing import Generic, TypeAlias, TypeVar

from midday_worker.errors import InvalidInputError

T = TypeVar("T")

Told: TypeAlias = float | dict[str, object]


class Track(AsyncIterator[T], Generic[T]):
    """Iterates over rows and tells how far it is: a percentage, or `{"done": 7}` while the total isn't known.

    A row counts as done when the next one is asked for. The first row is told at once, the last one always, those
    between as often as allowed.

    Args:
        rows: a plain or an asynchronous iterable.
        total: how many there are; asked of the rows if they know.
        tell: stores a progress.
        per_second: how often at most.
    """

    def __init__(
        self,
        rows: Iterable[T] | AsyncIterable[T],
        total: int | None,
        tell: Callable[[Told], Awaitable[None]],
        per_second: float,
    ) -> None:
        if per_second <= 0:
            raise InvalidInputError(f"track's per_second is {per_second!r}; accepted: a number greater than 0.")
        if total is None and isinstance(rows, Sized):
            total = len(rows)
        self._total = total
        self._rows = rows.__aiter__() if isinstance(rows, AsyncIterable) else iter(rows)
        self._tell = tell
        self._interval_s = 1 / per_second
        self._done = -1
        self._told: Told | None = None
        self._due_at = 0.0

    async def __anext__(self) -> T:
        """Return the next row; tell of those before it."""
        self._done += 1
        if self._done and time.monotonic() >= self._due_at:
            await self._tell_now()
        try:
            return await self._next()
        except StopAsyncIteration:
            self._total = self._done  # whatever was said before
            await self._tell_now()
            raise

    async def _next(self) -> T:
        if isinstance(self._rows, AsyncIterator):
            return await anext(self._rows)
        for row in self._rows:
            return row
        raise StopAsyncIteration

    async def _tell_now(self) -> None:
        progress = self._progress()
        if progress != self._told:
            await self._tell(progress)
            self._told = progress
        self._due_at = time.monotonic() + self._interval_s

    def _progress(self) -> Told:
        if self._total is None:
            return {"done": self._done}
        if self._done >= self._total:
            return 100
        return round(100 * self._done / self._total, 1)
