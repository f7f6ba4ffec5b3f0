"""The report of a run: Markdown tables with ratios, and JSON with every round's values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Final

from scripts.benchmark.figures import Results, Row
from scripts.benchmark.goals import outcomes
from scripts.benchmark.goals import table as goals_table

TITLES: Final[Mapping[str, str]] = {
    "W1": "Processing jobs that do nothing",
    "W2": "Adding jobs",
    "W3": "Processing jobs that wait 10 ms, at concurrency 50",
    "W4": "From the call to the handler's start, one job every 20 ms",
    "W5": "Resident memory of an idle worker",
    "W6": "Processing with a network in between",
    "W7": "A queue that holds many jobs",
    "W8": "Several worker processes, at concurrency 50",
    "W9": "Processing jobs of 10 ms whose results many wait for",
}

MOST_COLUMNS: Final = 6
"""An item with more cases has a line for each of them, and a column for each contender."""


@dataclass(frozen=True, slots=True)
class Report:
    """What is written down."""

    machine: Mapping[str, str]
    labels: Mapping[str, str]
    """By contenders' names, in the order of the columns."""
    results: Results
    errors: Sequence[str]
    rounds: int
    seconds: float
    notes: Sequence[str] = ()

    def markdown(self) -> str:
        """Return the tables; each value is a median over the rounds, with how often ours is as good as it."""
        lines = ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in self.machine.items()), ""]
        lines.append(f"Medians of {self.rounds} rounds, taken in turn; {self.seconds / 60:.0f} minutes in all.")
        for item, rows in groupby(self.results.rows(), key=lambda row: row.item):
            lines += ["", f"### {item}: {TITLES[item]}", "", *self.table(list(rows))]
        lines += ["", *(f"- {note}" for note in self.notes)]
        if reached := outcomes(self.results):
            lines += ["", "### Goals", "", *goals_table(reached)]
        if self.errors:
            lines += ["", "Measurements that don't count:", "", *(f"- {error}" for error in self.errors)]
        return "\n".join(lines).rstrip() + "\n"

    def table(self, rows: Sequence[Row]) -> list[str]:
        """Return one item's table."""
        names = [name for name in self.labels if any(self.results.values(row, name) for row in rows)]
        heads = [f"{row.case}, {row.unit}" if row.case else row.unit for row in rows]
        if len(rows) > MOST_COLUMNS:
            return self._tall_table(rows, heads, names)
        lines = [f"| | {' | '.join(heads)} |", "|---" * (len(rows) + 1) + "|"]
        return lines + [
            f"| {self.labels[name]} | {' | '.join(self._cell(row, name) for row in rows)} |" for name in names
        ]

    def _tall_table(self, rows: Sequence[Row], heads: Sequence[str], names: Sequence[str]) -> list[str]:
        lines = [f"| | {' | '.join(self.labels[name] for name in names)} |", "|---" * (len(names) + 1) + "|"]
        return lines + [
            f"| {head} | {' | '.join(self._cell(row, name) for name in names)} |"
            for row, head in zip(rows, heads, strict=True)
        ]

    def document(self) -> dict[str, object]:
        """Return everything, for JSON."""
        rows = self.results.rows()
        return {
            "machine": dict(self.machine),
            "rounds": self.rounds,
            "seconds": round(self.seconds),
            "notes": list(self.notes),
            "errors": list(self.errors),
            "goals": [asdict(outcome) | {"reached": outcome.reached} for outcome in outcomes(self.results)],
            "figures": [
                self._entry(row, name) for row in rows for name in self.labels if self.results.values(row, name)
            ],
        }

    def _cell(self, row: Row, name: str) -> str:
        median = self.results.median(row, name)
        if median is None:
            return "-"
        ratio = None if name == "ours" else self.results.ratio(row, "ours", name)
        return number(median) if ratio is None else f"{number(median)} ({ratio:.2f}x)"

    def _entry(self, row: Row, name: str) -> dict[str, object]:
        return {
            "item": row.item,
            "case": row.case,
            "unit": row.unit,
            "contender": name,
            "median": self.results.median(row, name),
            "ours_is_better_by": self.results.ratio(row, "ours", name),
            "values": self.results.values(row, name),
        }


def number(value: float) -> str:
    """Return a value with as many digits as mean something.

    >>> [number(value) for value in (11602.3, 72.44, 1.966)]
    ['11,602', '72.4', '1.97']
    """
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f}"
