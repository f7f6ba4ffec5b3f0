"""The way of a job through a package's files, from `trigger` to its result and the worker's rest, in one thread."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from types import FrameType
from typing import TypeAlias

Way: TypeAlias = list[str]
"""The files on it in the order in which they were entered, each as often as from another one."""


class WayRecorder:
    """Notes, within `with`, in which file each function of the package that begins or goes on is.

    Args:
        package: the package's folder.

    Attributes:
        way: what was noted.
    """

    def __init__(self, package: Path) -> None:
        self._prefix = f"{package}/"
        self.way: Way = []

    def __enter__(self) -> None:
        sys.setprofile(self._note)

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _note(self, frame: FrameType, event: str, _: object) -> None:
        file = frame.f_code.co_filename
        if event == "call" and file.startswith(self._prefix):
            name = file.removeprefix(self._prefix)
            if self.way[-1:] != [name]:
                self.way.append(name)


def median_files(ways: Iterable[Way]) -> int:
    """Return how many files are on the way, in the median."""
    return round(median(len(set(way)) for way in ways))


def median_changes(ways: Iterable[Way]) -> int:
    """Return how often the file changes on the way, in the median."""
    return round(median(len(way) - 1 for way in ways))


def usual_files(ways: Sequence[Way]) -> list[str]:
    """Return the files that are on at least half of the ways, as they are entered."""
    ordered = dict.fromkeys(file for way in ways for file in way)
    return [file for file in ordered if 2 * sum(file in way for way in ways) >= len(ways)]
