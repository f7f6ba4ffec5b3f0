"""Measured values, their medians over the rounds, and ratios of those."""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

LESS_IS_BETTER: Final = frozenset({"ms", "MiB"})
"""Units in which the smaller value is the better one."""

COMPARED: Final = LESS_IS_BETTER | {"jobs/s"}
"""Units in which contenders are compared."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One value, measured once for a contender in a round."""

    item: str
    case: str
    unit: str
    value: float


@dataclass(frozen=True, slots=True)
class Row:
    """What is compared: one case of an item, in one unit."""

    item: str
    case: str
    unit: str


class Results:
    """All values of a run."""

    def __init__(self) -> None:
        self._values: dict[Row, dict[str, list[float]]] = {}

    def add(self, contender: str, figures: Iterable[Figure]) -> None:
        """Keep a round's figures of a contender."""
        for figure in figures:
            row = self._values.setdefault(Row(figure.item, figure.case, figure.unit), {})
            row.setdefault(contender, []).append(figure.value)

    def rows(self) -> list[Row]:
        """Return what was measured, by item; within one, in the order of measuring."""
        return sorted(self._values, key=lambda row: row.item)

    def only(self, items: Collection[str]) -> Results:
        """Return the results of these items alone."""
        kept = Results()
        kept._values = {row: values for row, values in self._values.items() if row.item in items}
        return kept

    def values(self, row: Row, contender: str) -> list[float]:
        """Return every round's value."""
        return self._values.get(row, {}).get(contender, [])

    def contenders(self, row: Row) -> list[str]:
        """Return who has a value there."""
        return list(self._values.get(row, {}))

    def median(self, row: Row, contender: str) -> float | None:
        """Return the median over the rounds; None if the contender has no value there."""
        values = self.values(row, contender)
        return statistics.median(values) if values else None

    def ratio(self, row: Row, contender: str, against: str) -> float | None:
        """Return how many times better `contender` is than `against`, by their medians; None if one has no value."""
        mine, theirs = self.median(row, contender), self.median(row, against)
        if row.unit not in COMPARED or not mine or not theirs:
            return None
        return theirs / mine if row.unit in LESS_IS_BETTER else mine / theirs


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that at least so many percent of them don't exceed."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]
