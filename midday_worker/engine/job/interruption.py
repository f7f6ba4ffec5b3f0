"""Stopping a handler that runs: its task is cancelled, cut when its cleaning up takes too long, and then given up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

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


async def forget_cancellations() -> None:
    """Set the running task's count of cancellations to zero, and let none be raised later.

    Code of a user's may leave any number there: `asyncio.TaskGroup` one too many (Python 3.11 and 3.12), a task that
    cancels itself another one. So it says of no task that it is being stopped, and would mislead the next group.
    """
    task = asyncio.current_task()
    if task is None or not task.cancelling():
        return
    while task.cancelling():
        task.uncancel()
    with suppress(asyncio.CancelledError):  # of one that has cancelled itself and awaited nothing since
        await asyncio.sleep(0)


@dataclass(frozen=True, slots=True)
class Grace:
    """How long a handler that is told to stop may take.

    Attributes:
        clean_up_s: for its cleaning up; then it is cancelled once more, or its process is killed.
        cut_s: to end after that; then its job ends without it.
    """

    clean_up_s: float = 5.0
    cut_s: float = 1.0


class Interruption:
    """One stop of one task. Made, it cancels the task; `end` takes it back.

    Args:
        task: runs the handler.
        give_up: called when the task doesn't end for a second cancellation either.
        grace: how long it may take.
    """

    __slots__ = ("_cancels", "_give_up", "_grace", "_task", "_timer")

    def __init__(self, task: asyncio.Task[object], give_up: Callable[[], None], grace: Grace) -> None:
        self._task = task
        self._grace = grace
        self._give_up = give_up
        self._cancels = 0
        self._timer: asyncio.TimerHandle | None = None
        self._cancel(grace.clean_up_s)

    def _cancel(self, then_wait_s: float) -> None:
        self._cancels += 1
        self._task.cancel()
        self._timer = asyncio.get_running_loop().call_later(then_wait_s, self._go_on)

    def _go_on(self) -> None:
        if self._cancels == 1:
            self._cancel(self._grace.cut_s)
        else:
            self._give_up()

    def end(self) -> None:
        """The handler has ended: cancel nothing more, and let the task await again."""
        if self._timer is not None:
            self._timer.cancel()
        for _ in range(self._cancels):
            self._task.uncancel()
        self._cancels = 0
