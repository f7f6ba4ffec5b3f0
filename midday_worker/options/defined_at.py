"""`DefinedAt`: where a job or a queue is defined."""

from __future__ import annotations

from pathlib import Path
from types import FrameType
from typing import Final, Self

_TOP: Final = "<module>"


class DefinedAt(str):
    """File and line, as text, of what calls `job()` or `queue()`; and the modules by whose import it is called.

    Attributes:
        module: the module of the call itself, which may be a helper's.
        imported: the module whose import led to the call; `module` if none did.
        file: that one's.
    """

    __slots__ = ("file", "imported", "module")

    module: str
    imported: str
    file: str

    def __new__(cls, frame: FrameType) -> Self:
        """Return the place that a frame is at."""
        place = super().__new__(cls, f"{frame.f_code.co_filename}:{frame.f_lineno}")
        outer = _importing(frame) or frame
        place.module, place.imported = _module(frame), _module(outer)
        place.file = outer.f_code.co_filename
        return place


def two_names(first: str, second: str) -> tuple[str, str] | None:
    """Return the names under which one module was imported twice, if that is how there are two places."""
    if not isinstance(first, DefinedAt) or not isinstance(second, DefinedAt) or first.imported == second.imported:
        return None
    return (first.imported, second.imported) if Path(first.file).resolve() == Path(second.file).resolve() else None


def _importing(frame: FrameType | None) -> FrameType | None:
    while frame is not None and frame.f_code.co_name != _TOP:
        frame = frame.f_back
    return frame


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "__main__"))
