"""Whether a handler is awaited on the event loop, or called in a thread."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable


def is_asynchronous(handler: Callable[..., object]) -> bool:
    """Return whether a handler is an `async def`, or a partial, an object or a wrapper around one.

    >>> async def handle() -> None: ...
    >>> is_asynchronous(handle), is_asynchronous(functools.partial(handle)), is_asynchronous(print)
    (True, True, False)
    """
    while isinstance(handler, functools.partial):
        handler = handler.func
    function: object = inspect.unwrap(handler)
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(handler).__call__)
