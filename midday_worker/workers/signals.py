"""`Signals`: what a process does at its signals, and what those that are forked from it don't."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import FrameType
from typing import TypeAlias

_Before: TypeAlias = Callable[[int, FrameType | None], object] | int | signal.Handlers | None


class Signals:
    """Handles signals of this process. Processes that are forked meanwhile handle them as it did before.

    Args:
        handlers: what is called at each, in the main thread: between two lines of a handler that blocks the event
            loop, too.
    """

    def __init__(self, handlers: Mapping[signal.Signals, Callable[[], object]]) -> None:
        self._handlers = handlers
        self._before: dict[signal.Signals, _Before] = {}
        self._forking = threading.local()

    def listen(self) -> None:
        """Take the signals. On the main thread and its event loop."""
        loop = asyncio.get_running_loop()

        def handle(number: int, _frame: FrameType | None) -> None:
            self._handlers[signal.Signals(number)]()
            with suppress(RuntimeError):  # it is closed
                loop.call_soon_threadsafe(int)  # wakes it

        for number in self._handlers:
            self._before[number] = signal.signal(number, handle)
        os.register_at_fork(before=self._hold, after_in_parent=self._release, after_in_child=self._leave)

    def restore(self) -> None:
        """Restore what the signals did before."""
        while self._before:
            signal.signal(*self._before.popitem())

    def _hold(self) -> None:
        # One that comes before the child is itself would be the worker's: `start()`, and then at once `terminate()`.
        self._forking.mask = signal.pthread_sigmask(signal.SIG_BLOCK, self._before)

    def _release(self) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self._forking.mask)

    def _leave(self) -> None:
        if self._before:
            signal.set_wakeup_fd(-1)  # the event loop's, which the child shares with its parent
        self.restore()
        self._release()
