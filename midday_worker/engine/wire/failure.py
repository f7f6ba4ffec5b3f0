"""What is written of a failure."""

from __future__ import annotations

import traceback
from typing import Final

from midday_worker.errors.handler_traceback import handler_traceback

LONGEST_REASON: Final = 10_000
LONGEST_STACK: Final = 50_000


def reason_of(error: BaseException) -> str:
    """Return an error's message, safe to store: never empty, never raising, bounded, valid UTF-8."""
    try:
        text = str(error)
    except Exception as broken:  # a user's __str__ may do anything
        text = f"{type(error).__name__} (its message raised {type(broken).__name__})"
    if not text:
        text = type(error).__name__
    elif isinstance(error, KeyError):
        text = f"KeyError: {text}"  # a bare key says nothing
    return storable(text, LONGEST_REASON)


def stack_of(error: BaseException) -> str:
    """Return an error's traceback, from the handler's frame on, safe to store."""
    try:
        text = "".join(traceback.format_exception(type(error), error, handler_traceback(error)))
    except Exception:  # formatting calls a user's __str__
        text = f"{type(error).__name__}: the traceback can't be formatted"
    return storable(text, LONGEST_STACK)


def storable(text: str, longest: int) -> str:
    """Return a text as it can be stored and shown: valid UTF-8, bounded."""
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text)} characters in all)"
