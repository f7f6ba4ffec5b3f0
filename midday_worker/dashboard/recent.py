"""A value that is read again only after a while."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_FRESH_S: Final = 1.0


class Recent(Generic[T]):
    """What `read` returned within the last second. Those who ask at once share one reading."""

    def __init__(self, read: Callable[[], Awaitable[T]]) -> None:
        self._read = read
        self._lock = asyncio.Lock()
        self._known: tuple[float, T] | None = None

    async def get(self) -> T:
        """Return the value, read now if it isn't fresh."""
        async with self._lock:
            if self._known is None or time.monotonic() - self._known[0] > _FRESH_S:
                self._known = (time.monotonic(), await self._read())
            return self._known[1]

    def forget(self) -> None:
        """Read it again when it is next asked for."""
        self._known = None
