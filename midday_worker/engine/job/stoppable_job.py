"""A job whose attempt can be told to stop while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import bullmq

from midday_worker.engine.job.interruption import Grace, Interruption
from midday_worker.errors import JobCancelledError


class StoppableJob(bullmq.Job):
    """What an attempt and the worker that runs it know of its being stopped."""

    cancelled: bool = False
    """Whether this attempt has been told to stop, which a plain function in its thread can't notice otherwise."""
    stopped_by: JobCancelledError | None = None
    """Why this attempt was told to stop, if it was: whatever it raises then, this is its failure."""
    cut_short: bool = False
    """Whether its worker stops and has cancelled this attempt: it has not failed, and is handed back."""
    abandon: Callable[[StoppableJob, Exception], None] | None = None
    """Called when the handler can't be stopped: its slot and its job's outcome must not wait for it."""
    abandoned: bool = False
    """Whether it was called."""
    on_abandoned: Callable[[BaseException], Awaitable[None]] | None = None
    """Called with what such an attempt fails with, before that is stored."""
    release: Callable[[], Awaitable[None]] | None = None
    """Called when it isn't waited for any longer: closes what it holds and others need, its database connection."""
    grace: Grace = Grace()
    """How long its handler may take to stop."""
    place: str | None = None
    """Where its handler was when it was told to stop, as far as its process has said."""
    _interruption: Interruption | None = None
    _interruptible: bool = False
    has_left_handler: bool = False
    """Whether its handler has ended: what is left is to commit, or roll back, and to store the outcome."""

    def stop(self, task: asyncio.Task[None], error: JobCancelledError) -> None:
        """Tell the attempt to stop, which `task` runs. Only its handler is interrupted, and no commit."""
        self.stopped_by = error
        if self._interruptible:
            self.cancelled = True
            self._interruption = Interruption(task, partial(self.give_up, error), self.grace)

    def give_up(self, error: Exception) -> None:
        """Fail the job although its handler doesn't end."""
        if self.abandon is not None:
            self.abandon(self, error)

    @property
    def is_in_handler(self) -> bool:
        """Whether its handler has begun and has not ended."""
        return self._interruptible

    def enter_handler(self) -> None:
        """From here on it may be interrupted. Raises JobCancelledError if it was told to stop before."""
        if self.stopped_by is not None:
            raise self.stopped_by
        self._interruptible = True

    def leave_handler(self, error: BaseException | None = None) -> None:
        """From here on it isn't interrupted any more. Raises what it was told to stop by, whatever it did then.

        Once is enough: whatever tells it to stop later comes too late.

        Args:
            error: what the handler raised; None if it returned.
        """
        if self.has_left_handler:
            return
        self._interruptible, self.has_left_handler = False, True
        if self._interruption is not None:
            self._interruption.end()
        if self.stopped_by is not None and error is not self.stopped_by:
            raise self.stopped_by from error
