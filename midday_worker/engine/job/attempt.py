"""`Attempt`: the attempt at a job that is under way."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, ParamSpec, cast

from midday_worker.engine.job.interruption import Grace, Interruption
from midday_worker.engine.job.outage_retries import OutageRetries
from midday_worker.engine.job.threads import Threads, heard_out, in_thread
from midday_worker.errors import JobCancelledError
from midday_worker.processes.pool import ProcessPool

P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Resources:
    """What a worker lends to each of its attempts; the default is what a test without a worker has.

    Attributes:
        threads: where plain functions run; None for a thread of their own.
        processes: where plain functions with `executor="process"` run; None for a thread.
        outage_retries: lets what a handler reports wait while Redis is away; None if it raises.
        grace: how long a handler may take to stop.
    """

    threads: Threads | None = None
    processes: ProcessPool | None = None
    outage_retries: OutageRetries | None = None
    grace: Grace = field(default_factory=Grace)

    async def run_plain(self, function: Callable[[], object]) -> object:
        """Call a plain function in a thread and return its result."""
        return await (in_thread if self.threads is None else self.threads.run)(function)


_NONE: Final = Resources()


@dataclass(slots=True, eq=False)
class Attempt:
    """What is known of an attempt between a job's being fetched and being settled; `job.attempt` is this.

    Attributes:
        resources: what its worker lends to it.
        sequence: the number of the fetch that brought its job, in the order in which Redis answered the worker.
        abandon: called when its handler can't be stopped: its slot and its job's outcome must not wait for it.
        cancelled: whether its handler has been told to stop, which a plain function can't notice otherwise.
        stopped_by: what it was told to stop by, if its job was cancelled: whatever it raises then, this is its failure.
        cut_short: whether its worker stops and has cancelled it: it has not failed, and is handed back.
        is_in_handler: whether its handler has begun and has not ended: only then is it interrupted.
        has_left_handler: whether its handler has ended: what is left is to commit or roll back, and to be settled.
        place: where its handler was when it was told to stop, as far as its process has said.
        abandoned: whether `abandon` was called.
        on_abandoned: called with what such an attempt fails with, before that is stored.
        release: called when it isn't waited for any longer: closes what it holds and others need, its database session.
        took_ms: how long it took, once it has failed.
        retry_on_timeout: whether another one follows if it takes too long.
        is_last: whether none follows if it fails, as the job's definition says.
        version: that of the definition that runs it, which its result is stored with.
        next_delay_ms: how long to wait before the next one, if not as long as the stored backoff says.
        timeout_ms: how long its handler may take; None for no limit.
        payload_text: the payload that its handler is given, as JSON text, if that isn't the stored one.
        result_text: its result as JSON text, once its session is committed.
    """

    resources: Resources = _NONE
    sequence: int = 0
    abandon: Callable[[Attempt, Exception], None] | None = None
    cancelled: bool = False
    stopped_by: JobCancelledError | None = None
    cut_short: bool = False
    is_in_handler: bool = False
    has_left_handler: bool = False
    place: str | None = None
    abandoned: bool = False
    on_abandoned: Callable[[BaseException], Awaitable[None]] | None = None
    release: Callable[[], Awaitable[None]] | None = None
    took_ms: int | None = None
    retry_on_timeout: bool = True
    is_last: bool = False
    next_delay_ms: int | None = None
    version: int = 1
    timeout_ms: int | None = None
    payload_text: str | None = None
    result_text: str | None = None
    _interruption: Interruption | None = field(default=None, init=False)

    def stop(self, task: asyncio.Task[None], error: JobCancelledError) -> None:
        """Tell it to stop, which `task` runs. Only its handler is interrupted, and no commit."""
        self.stopped_by = error
        if self.is_in_handler:
            self.tell()
            self._interruption = Interruption(task, partial(self.give_up, error), self.resources.grace)

    def tell(self) -> None:
        """Let the handler see that it is to stop, if it looks."""
        self.cancelled = True

    def give_up(self, error: Exception) -> None:
        """Fail its job although its handler doesn't end."""
        if self.abandon is not None:
            self.abandon(self, error)

    def enter_handler(self) -> None:
        """From here on it may be interrupted. Raises JobCancelledError if it was told to stop before."""
        if self.stopped_by is not None:
            raise self.stopped_by
        self.is_in_handler = True

    def leave_handler(self, error: BaseException | None = None) -> None:
        """From here on it isn't interrupted any more. Raises what it was told to stop by, whatever it did then.

        Once is enough: whatever tells it to stop later comes too late.

        Args:
            error: what the handler raised; None if it returned.
        """
        if self.has_left_handler:
            return
        self.is_in_handler, self.has_left_handler = False, True
        if self._interruption is not None:
            self._interruption.end()
        if self.stopped_by is not None and error is not self.stopped_by:
            raise self.stopped_by from error


def tell_all(attempts: Sequence[Attempt]) -> None:
    """Let the one handler of many attempts see that it is to stop."""
    for attempt in attempts:
        attempt.tell()


async def run_plain(
    attempts: Sequence[Attempt], function: Callable[P, object], *args: P.args, **kwargs: P.kwargs
) -> object:
    """Call a plain function that is the handler of these attempts, in a thread, and return its result.

    It can't be stopped; it is shown that it is to stop, and left behind if that doesn't help.
    """
    resources = attempts[0].resources
    run = in_thread if resources.threads is None else resources.threads.run
    call = run(function, *args, **kwargs)
    outcome = await heard_out(call, partial(tell_all, attempts), resources.grace.clean_up_s)
    return await cast("Awaitable[object]", outcome) if inspect.isawaitable(outcome) else outcome
