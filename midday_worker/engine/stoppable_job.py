"""A job whose attempt can be told to stop while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import bullmq

from midday_worker.engine.interruption import Interruption
from midday_worker.errors import JobCancelledError


class StoppableJob(bullmq.Job):
    """What an attempt and the worker that runs it know of its being stopped."""

    cancelled: bool = False
    """Whether this attempt has been told to stop, which a plain function in its thread can't notice otherwise."""
    stopped_by: JobCancelledError | None = None
    """Why this attempt was told to stop, if it was: whatever it raises then, this is its failure."""
    abandon: Callable[[StoppableJob], None] | None = None
    """Called when the handler can't be stopped: its slot and its job's outcome must not wait for it."""
    abandoned: bool = False
    """Whether it was called."""
    _interruption: Interruption | None = None
    _interruptible: bool = False

    def stop(self, task: asyncio.Task[None], error: JobCancelledError) -> None:
        """Tell the attempt to stop, which `task` runs. Only its handler is interrupted, and no commit."""
        self.stopped_by = error
        if self._interruptible:
            self.cancelled = True
            self._interruption = Interruption(task, self.give_up)

    def give_up(self) -> None:
        """Let the job end although its handler doesn't."""
        if self.abandon is not None:
            self.abandon(self)

    def enter_handler(self) -> None:
        """From here on it may be interrupted. Raises JobCancelledError if it was told to stop before."""
        if self.stopped_by is not None:
            raise self.stopped_by
        self._interruptible = True

    def leave_handler(self) -> None:
        """From here on it isn't interrupted any more."""
        self._interruptible = False
        if self._interruption is not None:
            self._interruption.end()
