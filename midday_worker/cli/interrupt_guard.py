"""`InterruptGuard`: Ctrl-C, obeyed between two batches, so that what is said to be done is what was done."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self, TypeAlias

_Handler: TypeAlias = Callable[[int, FrameType | None], object]


class InterruptGuard:
    """Takes Ctrl-C within its block: `check` obeys the first one, a second one interrupts at once."""

    def __init__(self) -> None:
        self._presses = 0
        self._is_broken_off = False
        self._before: _Handler | int | None = None

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGINT, self._press)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGINT, self._before)

    def check(self) -> None:
        """Stop here if Ctrl-C was pressed. Raises KeyboardInterrupt."""
        if self._presses:
            raise KeyboardInterrupt

    def break_off(self) -> None:
        """Take note that a batch was broken off: Redis went away."""
        self._is_broken_off = True

    def said(self, done: int) -> str:
        """Return how many jobs are done: of a batch that a second Ctrl-C or Redis broke off, nobody knows."""
        return f"at least {done:,}" if self._is_broken_off or self._presses > 1 else f"{done:,}"

    def _press(self, number: int, frame: FrameType | None) -> None:
        self._presses += 1
        if self._presses > 1 and callable(self._before):
            self._before(number, frame)
