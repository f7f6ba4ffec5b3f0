"""Stopping a handler that runs: its task is cancelled, cut when its cleaning up takes too long, and then given up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

GRACE_S: Final = 5.0
"""How long a handler that is told to stop may clean up."""

CUT_S: Final = 1.0
"""How long its cleaning up, when it is cut by a second cancellation, may take to end."""


AGAIN_S: Final = 0.05
"""How often a task of our own is cancelled until it ends."""


async def end_all(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks until they have ended; what they raised is of no interest any more."""
    tasks = running = set(tasks)
    # Again and again: wait_for, in redis-py's sending, swallows a cancellation that comes as it succeeds (3.11).
    while running:
        for task in running:
            task.cancel()
        running = (await asyncio.wait(running, timeout=AGAIN_S))[1]
    await asyncio.gather(*tasks, return_exceptions=True)


class Interruption:
    """One stop of one task. Made, it cancels the task; `end` takes it back.

    Args:
        task: runs the handler.
        give_up: called when the task doesn't end for a second cancellation either.
    """

    __slots__ = ("_cancels", "_give_up", "_task", "_timer")

    def __init__(self, task: asyncio.Task[object], give_up: Callable[[], None] | None) -> None:
        self._task = task
        self._give_up = give_up
        self._cancels = 0
        self._timer: asyncio.TimerHandle | None = None
        self._cancel(GRACE_S)

    def _cancel(self, then_wait_s: float) -> None:
        self._cancels += 1
        self._task.cancel()
        self._timer = asyncio.get_running_loop().call_later(then_wait_s, self._go_on)

    def _go_on(self) -> None:
        if self._cancels == 1:
            self._cancel(CUT_S)
        elif self._give_up is not None:
            self._give_up()

    def end(self) -> None:
        """The handler has ended: cancel nothing more, and let the task await again."""
        if self._timer is not None:
            self._timer.cancel()
        for _ in range(self._cancels):
            self._task.uncancel()
        self._cancels = 0
