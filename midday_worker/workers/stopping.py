"""`Stopping`: what a process has been told: to drain, and then not to wait any longer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

SAME_SIGNAL_S: Final = 0.2
"""Two signals so close are one: a parent that forwards what its whole process group has received already."""


class Stopping:
    """Counts the signals of one process.

    Args:
        on_forced: called at once when a second one comes, also while a handler blocks the event loop.

    Attributes:
        asked: set by the first signal.
        forced: set by a second one.
    """

    def __init__(self, on_forced: Callable[[], object] | None = None) -> None:
        self._on_forced = on_forced
        self.asked = asyncio.Event()
        self.forced = asyncio.Event()
        self._asked_at = 0.0

    def signal(self) -> None:
        """Take one signal."""
        now = time.monotonic()
        if not self.asked.is_set():
            self._asked_at = now
            self.asked.set()
        elif now - self._asked_at > SAME_SIGNAL_S:
            self.force()

    def force(self) -> None:
        """Be as if a second signal had come, at once."""
        if self._on_forced is not None:
            self._on_forced()
        self.asked.set()
        self.forced.set()
