"""`Track` and `track_plain`: rows that report how many of them are done, seldom enough to cost nothing."""

from __future__ import annotations

import time
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sized
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar, cast

from midday_worker.errors import InvalidInputError
from midday_worker.schema.schema import InvalidValue, dump_untyped

if TYPE_CHECKING:
    from pydantic import BaseModel

T = TypeVar("T")

EncodedProgress: TypeAlias = float | dict[str, object]


def encode_progress(progress: float | Mapping[str, object] | BaseModel) -> EncodedProgress:
    """Return a progress as it is stored.

    Raises:
        InvalidInputError: it can't be written as JSON.
    """
    try:
        return cast("EncodedProgress", dump_untyped(progress))
    except InvalidValue as error:
        raise InvalidInputError(f"This progress can't be stored: {error}") from error


class _Count:
    """How many rows are done, and when that is to be reported: a percentage, or `{"done": 7}` without a total.

    A row counts as done when the next one is asked for. The first row is reported at once, the last one always, those
    between as often as allowed.
    """

    def __init__(self, rows: object, total: int | None, per_second: float) -> None:
        if per_second <= 0:
            raise InvalidInputError(f"track's per_second is {per_second!r}; accepted: a number greater than 0.")
        if total is None and isinstance(rows, Sized):
            total = len(rows)
        self._total = total
        self._interval_s = 1 / per_second
        self._done = -1
        self._reported: EncodedProgress | None = None
        self._due_at = 0.0

    def step(self) -> EncodedProgress | None:
        """The next row is asked for: return what is to be reported now, if anything."""
        self._done += 1
        return self._news() if self._done and time.monotonic() >= self._due_at else None

    def end(self) -> EncodedProgress | None:
        """There are no more rows, whatever was said before: return what is to be reported."""
        self._total = self._done
        return self._news()

    def note_reported(self, progress: EncodedProgress) -> None:
        """It has been reported: the next time is an interval from now."""
        self._reported = progress
        self._due_at = time.monotonic() + self._interval_s

    def _news(self) -> EncodedProgress | None:
        progress = self._progress()
        if progress != self._reported:
            return progress
        self.note_reported(progress)
        return None

    def _progress(self) -> EncodedProgress:
        if self._total is None:
            return {"done": self._done}
        if self._done >= self._total:
            return 100
        return round(100 * self._done / self._total, 1)


def track_plain(
    rows: Iterable[T], total: int | None, report: Callable[[EncodedProgress], None], per_second: float
) -> Iterator[T]:
    """Iterate over rows in a thread; see `Track`."""
    return _tracked(rows, _Count(rows, total, per_second), report)


def _tracked(rows: Iterable[T], count: _Count, report: Callable[[EncodedProgress], None]) -> Iterator[T]:
    def say(news: EncodedProgress | None) -> None:
        if news is not None:
            report(news)
            count.note_reported(news)

    remaining = iter(rows)
    while True:
        say(count.step())
        try:
            row = next(remaining)
        except StopIteration:
            break
        yield row
    say(count.end())


class Track(AsyncIterator[T], Generic[T]):
    """Iterates over rows and reports how far it is; see `JobContext.track`.

    Args:
        rows: a plain or an asynchronous iterable.
        total: how many there are; asked of the rows if they know.
        report: stores a progress.
        per_second: how often at most.
    """

    def __init__(
        self,
        rows: Iterable[T] | AsyncIterable[T],
        total: int | None,
        report: Callable[[EncodedProgress], Awaitable[None]],
        per_second: float,
    ) -> None:
        self._count = _Count(rows, total, per_second)
        self._rows = rows.__aiter__() if isinstance(rows, AsyncIterable) else iter(rows)
        self._report = report

    async def __anext__(self) -> T:
        """Return the next row; report those before it."""
        await self._say(self._count.step())
        try:
            return await self._next()
        except StopAsyncIteration:
            await self._say(self._count.end())
            raise

    async def _next(self) -> T:
        if isinstance(self._rows, AsyncIterator):
            return await anext(self._rows)
        for row in self._rows:
            return row
        raise StopAsyncIteration

    async def _say(self, news: EncodedProgress | None) -> None:
        if news is not None:
            await self._report(news)
            self._count.note_reported(news)
