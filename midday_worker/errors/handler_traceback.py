"""The traceback of what a handler raised, without the frames through which this library called it."""

from __future__ import annotations

from types import TracebackType
from typing import Final

IN_ITS_PROCESS: Final = "in its process:\n"
"""How the note begins that carries the traceback of an error from a process of its own."""

_OURS: Final = frozenset({"midday_worker", "asyncio", "concurrent", "threading", "contextvars"})
_THEIRS: Final = ("midday_worker.jobs", "midday_worker.demo")
"""Handlers that ship."""

_AROUND: Final = "midday_worker.databases"
"""What fails below it, such as a commit, is not called by the handler."""


def handler_traceback(error: BaseException) -> TracebackType | None:
    """Return an error's traceback from the handler's frame on; the whole, if no handler's frame is in it."""
    trace, caller = error.__traceback__, ""
    while trace is not None:
        name = str(trace.tb_frame.f_globals.get("__name__"))
        if name.startswith(_THEIRS) or name.partition(".")[0] not in _OURS:
            return error.__traceback__ if caller.startswith(_AROUND) else trace
        trace, caller = trace.tb_next, name
    elsewhere = any(note.startswith(IN_ITS_PROCESS) for note in getattr(error, "__notes__", ()))
    return None if elsewhere else error.__traceback__
