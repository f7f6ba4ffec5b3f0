"""`RetryQueue`: the order in which those who wait until Redis can store something ask again."""

from __future__ import annotations

import asyncio
import time
from typing import Final

_FIRST_S: Final = 0.1
_LONGEST_S: Final = 1.0


class RetryQueue:
    """Spaces retries: one after the other, with growing pauses, and all at once after a success."""

    def __init__(self) -> None:
        self._line = asyncio.Lock()
        self._failures = 0
        self._success_at = 0.0

    def note_success(self) -> None:
        """Take note that Redis stores again."""
        self._failures = 0
        self._success_at = time.monotonic()

    async def wait(self, until: float) -> bool:
        """Wait after a failure until it is time to try again; False if that is later than `until`.

        Args:
            until: in the seconds of `time.monotonic`.
        """
        failed_at = time.monotonic()
        async with self._line:
            if self._success_at < failed_at and time.monotonic() < until:
                self._failures += 1
                await asyncio.sleep(min(_LONGEST_S, _FIRST_S * 2 ** min(self._failures, 10)))
        return self._success_at >= failed_at or time.monotonic() < until
