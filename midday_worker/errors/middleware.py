"""What is wrong with a middleware."""

from __future__ import annotations

from midday_worker.errors.outcome import NonRetryableError


class MiddlewareError(NonRetryableError):
    """A middleware has broken its contract: it returned nothing, or awaited `call_next` once too often.

    An attempt that fails by it isn't tried again: its handler may have run. Of a trigger it says whether the job was
    added.
    """


def middleware_name(middleware: object) -> str:
    """Return a middleware's name and place, for a message.

    >>> middleware_name(print)
    'print'
    """
    code = getattr(middleware, "__code__", None)
    place = "" if code is None else f" ({code.co_filename}:{code.co_firstlineno})"
    return f"{getattr(middleware, '__qualname__', repr(middleware))}{place}"
