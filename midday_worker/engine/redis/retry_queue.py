"""`RetryQueue`: the order in which those who wait until Redis can store something ask again."""

from __future__ import annotations

import asyncio
import math
import time

from midday_worker.engine.redis.pause import FIRST_S, pause_s


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

    async def wait(self, until: float = math.inf) -> bool:
        """Wait after a failure until it is time to try again; False if that is later than `until`.

        Args:
            until: in the seconds of `time.monotonic`.
        """
        failed_at = time.monotonic()
        async with self._line:
            if self._success_at < failed_at and time.monotonic() < until:
                self._failures += 1
                left = until - time.monotonic()  # the pauses grow, and shrink again towards the end
                await asyncio.sleep(min(pause_s(self._failures), max(FIRST_S, left / 2)))
        return self._success_at >= failed_at or time.monotonic() < until
