"""A bar: what is asked of the engine, and the figure that was measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of the table."""

    what: str
    asked: str
    measured: str
    held: bool


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest of the values that so many percent of them don't exceed."""
    ordered = sorted(values)
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)]


def table(bars: Iterable[Bar]) -> str:
    """Return the bars as a Markdown table."""
    lines = ["| what | asked | measured | held |", "|---|---|---|---|"]
    lines += [f"| {bar.what} | {bar.asked} | {bar.measured} | {'yes' if bar.held else 'no'} |" for bar in bars]
    return "\n".join(lines) + "\n"
