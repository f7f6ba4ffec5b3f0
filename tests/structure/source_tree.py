"""How much source a package has, and how it lies in its folders."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SMALL: Final = 40
PACKAGE_FILE: Final = "__init__.py"


@dataclass(frozen=True, slots=True)
class SourceTree:
    """Counts of a package's files; lines are all lines, with blank ones, comments and docstrings."""

    modules: int
    lines: int
    small: int
    fullest_folder: str
    most_in_a_folder: int

    @classmethod
    def read(cls, package: Path) -> SourceTree:
        """Count the Python files of a package's folder.

        Files that make a folder a package count as modules and lines; they are never small, and none of a folder's.
        """
        lengths = {path: len(path.read_text("utf-8").splitlines()) for path in sorted(package.rglob("*.py"))}
        own = {path: lines for path, lines in lengths.items() if path.name != PACKAGE_FILE}
        ((folder, most),) = Counter(path.parent for path in own).most_common(1)
        return cls(
            modules=len(lengths),
            lines=sum(lengths.values()),
            small=sum(lines < SMALL for lines in own.values()),
            fullest_folder=folder.relative_to(package.parent).as_posix(),
            most_in_a_folder=most,
        )
