"""`Figures`: what tests have measured, said at the end of the run."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest


@dataclass(frozen=True, slots=True)
class Figures:
    """Lines, in the order in which they were measured."""

    lines: list[str] = field(default_factory=lambda: [])

    def add(self, line: str) -> None:
        """Say this at the end."""
        self.lines.append(line)


FIGURES = pytest.StashKey[Figures]()
