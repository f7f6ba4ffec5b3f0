"""Whether a handler can be called as handlers are: with two arguments, by position."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import cast

from midday_worker.errors import DefinitionError
from midday_worker.handling.dependencies import is_asynchronous, needs_of


def check_signature(job: str, handler: object, place: str, *, batch: bool) -> None:
    """Raise DefinitionError for a handler that yields, or takes other than payload, or payloads, and context."""
    if not callable(handler) or hasattr(type(handler), "trigger"):  # a job can be called only to be told how it can't
        raise DefinitionError(f"The handler of job {job!r} at {place} is {handler!r}; accepted: a function.")
    _check_no_generator(job, handler, place)
    # As it is called: a wrapper may pass further arguments to what it wraps.
    try:
        signature = inspect.signature(handler, follow_wrapped=False)
    except (ValueError, TypeError):  # written in C, or decorated by something that is: nobody can tell
        return
    try:
        needs = needs_of(handler)
    except DefinitionError as error:
        raise DefinitionError(f"Job {job!r} at {place}: {error}") from error
    try:
        signature.bind("the payload", "the context", **dict.fromkeys(need.parameter for need in needs))
    except TypeError as error:
        raise DefinitionError(
            f"The handler of job {job!r} at {place} takes {signature}; accepted: two arguments, by position, as in "
            f"`{_wanted(handler, batch=batch)}`; without a payload it is `data: None`. Further ones are annotated: "
            "`http: Annotated[AsyncClient, Depends(client)]`."
        ) from error


def _check_no_generator(job: str, handler: Callable[..., object], place: str) -> None:
    function: object = handler
    while isinstance(function, functools.partial):
        function = cast("functools.partial[object]", function).func
    for called in (function, type(function).__call__):
        if inspect.isgeneratorfunction(called) or inspect.isasyncgenfunction(called):
            raise DefinitionError(
                f"The handler of job {job!r} at {place} has a `yield`, so that a call runs nothing of it and returns a "
                "generator; accepted: a function that returns its result. `ctx.update_progress` and `ctx.log` tell of "
                "what is done so far."
            )


def _wanted(handler: Callable[..., object], *, batch: bool) -> str:
    asynchronous = is_asynchronous(handler)
    keyword = "async def" if asynchronous else "def"
    if batch:
        return f"{keyword} handle(data: list[MyPayload], ctx: BatchContext) -> list[MyResult | Exception]"
    return f"{keyword} handle(data: MyPayload, ctx: {'JobContext' if asynchronous else 'SyncJobContext'}) -> MyResult"
