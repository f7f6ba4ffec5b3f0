"""Where a handler is just now: the line that it awaits or executes."""

from __future__ import annotations

import asyncio
import functools
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType


def line_of(handler: Callable[..., object], task: asyncio.Task[object], thread_argument: object = None) -> str | None:
    """Return a place such as "jobs/report.py, line 12, in make_report"; None if the handler isn't found there.

    Args:
        handler: the function.
        task: awaits it, directly or through others.
        thread_argument: what it was called with, if it runs in a thread; with the function it tells which thread.
    """
    code = _code(handler)
    if code is None:
        return None
    return _shown(_awaited(task, code) or _running(code, thread_argument))


def line_in_thread(handler: Callable[..., object], argument: object) -> str | None:
    """Return the place of a function that runs in some thread; `argument`, which it was called with, tells which."""
    code = _code(handler)
    return None if code is None else _shown(_running(code, argument))


def _shown(frame: FrameType | None) -> str | None:
    if frame is None:
        return None
    return f"{_short(frame.f_code.co_filename)}, line {frame.f_lineno}, in {frame.f_code.co_name}"


def _code(handler: Callable[..., object]) -> CodeType | None:
    while isinstance(handler, functools.partial):
        handler = handler.func
    code: object = getattr(inspect.unwrap(handler), "__code__", None)
    return code if isinstance(code, CodeType) else None


def _awaited(task: asyncio.Task[object], code: CodeType) -> FrameType | None:
    awaited: object = task.get_coro()
    while awaited is not None:
        frame: object = getattr(awaited, "cr_frame", None) or getattr(awaited, "ag_frame", None)
        if isinstance(frame, FrameType) and frame.f_code is code:
            return frame
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "ag_await", None)
    return None


def _running(code: CodeType, argument: object) -> FrameType | None:
    for top in sys._current_frames().values():  # pyright: ignore[reportPrivateUsage] - documented, in spite of its name
        frame: FrameType | None = top
        while frame is not None:
            if frame.f_code is code and any(value is argument for value in frame.f_locals.values()):
                return frame
            frame = frame.f_back
    return None


def _short(file: str) -> str:
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else file
