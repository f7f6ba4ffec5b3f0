"""`Middleware`: what is around attempts at jobs, and around their adding."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Generic, TypeAlias, TypeVar, cast

from midday_worker.errors import DefinitionError, middleware_name
from midday_worker.handling.attempt_call import AttemptMiddleware
from midday_worker.handling.dependencies import is_asynchronous
from midday_worker.request import EnqueueMiddleware

P = TypeVar("P")
R = TypeVar("R")


class Middleware(Generic[P, R]):
    """Its methods add a middleware and give it back: they are decorators.

    What is added first is outermost. A registry's is around its queues', and these around each job's.

    >>> @job("shout", registry=JobRegistry())
    ... async def shout(data: str, ctx: JobContext) -> str:
    ...     return data.upper()
    >>> @shout.middleware.around_attempt
    ... async def politely(call: AttemptCall[str], call_next: AttemptNext[str, str]) -> str:
    ...     return await call_next(call.replace(payload=f"{call.payload}, please"))
    >>> @shout.middleware.around_enqueue
    ... async def later(call: EnqueueCall[str], call_next: EnqueueNext[str]) -> str:
    ...     return await call_next(call.replace(delay="5s"))
    """

    def __init__(self) -> None:
        self._attempt: tuple[AttemptMiddleware[P, R], ...] = ()
        self._enqueue: tuple[EnqueueMiddleware[P], ...] = ()
        self._outer: tuple[AnyMiddleware, ...] = ()

    @property
    def attempt(self) -> tuple[AttemptMiddleware[object, object], ...]:
        """All that is around an attempt, the outermost first."""
        every = cast("tuple[AttemptMiddleware[object, object], ...]", self._attempt)
        for level in reversed(self._outer):  # asked for each job, and mostly there is none
            if level._attempt:
                every = (*level._attempt, *every)
        return every

    @property
    def enqueue(self) -> tuple[EnqueueMiddleware[object], ...]:
        """All that is around the adding of a job, the outermost first."""
        every = cast("tuple[EnqueueMiddleware[object], ...]", self._enqueue)
        for level in reversed(self._outer):
            if level._enqueue:
                every = (*level._enqueue, *every)
        return every

    def within(self, *outer: AnyMiddleware) -> None:
        """Let these be around it, the outermost first."""
        self._outer = outer

    def around_attempt(self, middleware: AttemptMiddleware[P, R]) -> AttemptMiddleware[P, R]:
        """Around each attempt: validating, the handler, and its session's commit.

        It awaits `call_next(call)` at most once, and returns the result, or another one. Not awaiting it skips the
        handler. What it raises fails the attempt.
        """
        self._attempt = (*self._attempt, _checked(middleware, "around_attempt"))
        return middleware

    def around_enqueue(self, middleware: EnqueueMiddleware[P]) -> EnqueueMiddleware[P]:
        """Around the adding of each job, node of a flow, job of a batch, and schedule.

        It awaits `call_next(call)` once, and returns the job's id, which that returns. What it raises is raised by
        the trigger; nothing is added then, nor anything that is added by the same call.
        """
        self._enqueue = (*self._enqueue, _checked(middleware, "around_enqueue"))
        return middleware


AnyMiddleware: TypeAlias = Middleware[object, object]

M = TypeVar("M", bound=Callable[..., object])


def _checked(middleware: M, moment: str) -> M:
    """Return it. Raises DefinitionError for what can't be awaited, or called with a call and `call_next`."""
    wanted = f"accepted for {moment}: `async def middleware(call, call_next)`"
    if not callable(middleware) or not is_asynchronous(middleware):
        raise DefinitionError(f"Middleware {middleware_name(middleware)} is no async function; {wanted}.")
    try:
        inspect.signature(middleware).bind("the call", "what it calls")
    except TypeError as error:
        raise DefinitionError(
            f"Middleware {middleware_name(middleware)} takes {inspect.signature(middleware)}; {wanted}."
        ) from error
    return middleware
