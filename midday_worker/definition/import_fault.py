"""What went wrong while a user's module was imported, and where in the user's own files."""

from __future__ import annotations

import os
from pathlib import Path
from traceback import walk_tb
from types import FrameType
from typing import Final

_LIBRARIES: Final = (Path(__file__).parents[1], Path(os.__file__).parent)
"""This package, and the standard library."""

_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})


def describe_fault(error: BaseException, module: str) -> str:
    """Return an error's class, text and place, for example "ValueError: bad (shop/jobs.py:8)"."""
    name = type(error).__name__
    if isinstance(error, SyntaxError) and error.filename and not error.filename.startswith("<"):
        return f"{name}: {error.msg} ({error.filename}:{error.lineno})"
    try:
        text = f"{name}: {error}"
    except Exception:  # an exception class may be anybody's
        text = name
    return placed(text, error, module)


def placed(text: str, error: BaseException, module: str) -> str:
    """Return the text with file and line of the innermost call in the user's own files, unless it has them already."""
    root = module.partition(".")[0]
    place = ""
    for frame, line in walk_tb(error.__traceback__):
        if _is_theirs(frame, root):
            place = f"{frame.f_code.co_filename}:{line}"
    return text if place in text else f"{text} ({place})"


def _is_theirs(frame: FrameType, root: str) -> bool:
    file = frame.f_code.co_filename
    if file.startswith("<"):  # the import system itself, and what is executed from text
        return False
    # Jobs may be installed as a package, beside the libraries that they use.
    if str(frame.f_globals.get("__name__")).partition(".")[0] == root:
        return True
    path = Path(file)
    return _INSTALLED.isdisjoint(path.parts) and not any(path.is_relative_to(library) for library in _LIBRARIES)
