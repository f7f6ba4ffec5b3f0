"""`TimeLimit`: the longest that a handler may take, and where it was when its time was over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from types import TracebackType

from midday_worker.engine.job.attempt import Attempt, tell_all
from midday_worker.engine.job.interruption import Interruption
from midday_worker.errors import JobTimeoutError
from midday_worker.handling.handler_line import line_of


class TimeLimit:
    """A block that raises JobTimeoutError when its time is over, whatever it raises or returns then.

    At the limit the block's task is cancelled, and may clean up for as long as a cancelled job may; then it is
    cancelled once more, and a worker's job ends without it if that doesn't help either. It has one timer.

    Args:
        job: the job's name.
        timeout_ms: the limit in milliseconds.
        attempts: the attempts of which it is the handler, which are told to stop; a batch has many.
        handler: what runs within the block, to tell where it was.
        argument: what the handler was called with.
    """

    __slots__ = (
        *("_argument", "_attempts", "_error", "_handler", "_interruption", "_job"),
        *("_task", "_timeout_ms", "_timer"),
    )

    def __init__(
        self,
        job: str,
        timeout_ms: int,
        attempts: Sequence[Attempt],
        handler: Callable[..., object] | None = None,
        argument: object = None,
    ) -> None:
        self._job = job
        self._timeout_ms = timeout_ms
        self._handler = handler
        self._attempts = attempts
        self._argument = argument
        self._task: asyncio.Task[object] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._error: JobTimeoutError | None = None
        self._interruption: Interruption | None = None

    def __enter__(self) -> None:
        self._task = asyncio.current_task()
        self._timer = asyncio.get_running_loop().call_later(self._timeout_ms / 1000, self._expire)

    def _expire(self) -> None:
        if self._task is None:
            return
        line = None if self._handler is None else line_of(self._handler, self._task, self._argument)
        self._error = JobTimeoutError(self._job, self._timeout_ms, line)
        tell_all(self._attempts)
        grace = self._attempts[0].resources.grace
        self._interruption = Interruption(self._task, partial(self._give_up, self._error), grace)

    def _give_up(self, error: JobTimeoutError) -> None:
        for attempt in self._attempts:
            attempt.give_up(error)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._interruption is not None and self._error is not None:
            self._interruption.end()
            place = self._attempts[0].place
            raise (JobTimeoutError(self._job, self._timeout_ms, place) if place else self._error) from error
