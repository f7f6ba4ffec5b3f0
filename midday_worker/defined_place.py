"""`Place`: where a job is defined."""

from __future__ import annotations

from types import FrameType
from typing import Self


class Place(str):
    """File and line, as text; and the module, which another process imports to have the job too."""

    __slots__ = ("module",)

    module: str

    def __new__(cls, frame: FrameType) -> Self:
        """Return the place that a frame is at."""
        place = super().__new__(cls, f"{frame.f_code.co_filename}:{frame.f_lineno}")
        place.module = str(frame.f_globals.get("__name__", "__main__"))
        return place
