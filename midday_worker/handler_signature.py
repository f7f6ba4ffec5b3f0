"""Whether a handler can be called as handlers are: with two arguments, by position."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from midday_worker.errors import DefinitionError
from midday_worker.handler_kind import is_asynchronous


def check_signature(job: str, handler: object, place: str, *, batch: bool) -> None:
    """Raise DefinitionError for a handler that can't be called with the payload, or payloads, and the context."""
    if not callable(handler):
        raise DefinitionError(f"The handler of job {job!r} at {place} is {handler!r}; accepted: a function.")
    # As it is called: a wrapper may pass further arguments to what it wraps.
    try:
        signature = inspect.signature(handler, follow_wrapped=False)
    except (ValueError, TypeError):  # written in C, or decorated by something that is: nobody can tell
        return
    try:
        signature.bind("the payload", "the context")
    except TypeError as error:
        raise DefinitionError(
            f"The handler of job {job!r} at {place} takes {signature}; accepted: two arguments, by position, as in "
            f"`{_wanted(handler, batch=batch)}`; without a payload it is `data: None`."
        ) from error


def _wanted(handler: Callable[..., object], *, batch: bool) -> str:
    asynchronous = is_asynchronous(handler)
    keyword = "async def" if asynchronous else "def"
    if batch:
        return f"{keyword} handle(data: list[MyPayload], ctx: BatchContext) -> list[MyResult | Exception]"
    return f"{keyword} handle(data: MyPayload, ctx: {'JobContext' if asynchronous else 'SyncJobContext'}) -> MyResult"
