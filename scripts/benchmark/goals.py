"""What this library wants to reach, as ratios of medians of one run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from scripts.benchmark.figures import Results, Row
from scripts.benchmark.items import latency, waiting
from scripts.benchmark.items import results as awaiting
from scripts.benchmark.roster import COUNTING, FAMILY

PEERS: Final = "the fastest other Python library"


@dataclass(frozen=True, slots=True)
class Goal:
    """Ours at least so many times as good as another contender in one row."""

    row: Row
    against: str
    least: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a goal came out."""

    what: str
    found: float
    least: float

    @property
    def reached(self) -> bool:
        """Whether it was reached."""
        return self.found >= self.least


def _speed(item: str, case: str) -> Row:
    return Row(item, case, "jobs/s")


RATIOS: Final = (
    Goal(_speed("W1", "concurrency 1"), "node", 0.8),
    Goal(_speed("W1", "concurrency 10"), "node", 0.7),
    Goal(_speed("W1", "concurrency 50"), "node", 1.0),
    Goal(_speed("W1", "concurrency 100"), "node", 1.0),
    Goal(_speed("W1", "concurrency 50"), "raw", 6.0),
    Goal(_speed("W1", "concurrency 50"), PEERS, 3.5),
    *(Goal(_speed("W1", f"concurrency {number}"), "engine", 0.85) for number in (1, 10, 50, 100)),
    Goal(_speed("W2", "sequential"), "node", 1.0),
    Goal(_speed("W2", "concurrent"), "raw", 3.5),
    Goal(_speed("W2", "concurrent"), "node", 1.0),
    Goal(_speed("W2", "bulk"), "node", 1.2),
    Goal(_speed("W3", waiting.NAME), "node", 1.2),
    Goal(Row("W4", "p50", "ms"), "raw", 1.0),
    Goal(Row("W4", "p99", "ms"), "raw", 1.0),
    Goal(Row("W5", "idle worker", "MiB"), "node", 1.0),
    Goal(_speed("W6", latency.name(5)), "node", 1.0),
)
MILLION: Final = (0.9, ("processing", "sequential adds", "concurrent adds"))
OF_IDEAL: Final = 0.8
OF_REDIS: Final = 0.75
COUNTED: Final = 0.97
TIME_WITHOUT_WAITERS: Final = 0.91
"""Of the time with them: they add a tenth."""


def outcomes(results: Results) -> list[Outcome]:
    """Return how the goals came out for which there are figures."""
    found = [_ratio(results, goal) for goal in RATIOS]
    counted = results.median(Row("W1", COUNTING, "%"), "switched")
    if counted is not None:
        found.append(Outcome(f"W1 concurrency 50, {COUNTING}", counted / 100, COUNTED))
    third = results.median(_speed("W3", waiting.NAME), "ours")
    if third is not None:
        found.append(Outcome("W3, of the ideal 5,000 jobs/s", third / waiting.IDEAL, OF_IDEAL))
    least, works = MILLION
    found += [_of_none(results, work, least) for work in works]
    limit = results.median(Row("W8", "2 processes", "% of Redis's limit"), "ours")
    if limit is not None:
        found.append(Outcome("W8 2 processes, of Redis's limit", limit / 100, OF_REDIS))
    found.append(_waiters(results))
    return [outcome for outcome in found if outcome is not None]


def table(found: Sequence[Outcome]) -> list[str]:
    """Return them as a Markdown table."""
    lines = ["| goal | found | at least | |", "|---|---|---|---|"]
    return lines + [
        f"| {each.what} | {each.found:.2f}x | {each.least:g}x | {'reached' if each.reached else 'missed'} |"
        for each in found
    ]


def _ratio(results: Results, goal: Goal) -> Outcome | None:
    against = _fastest_peer(results, goal.row) if goal.against == PEERS else goal.against
    ratio = results.ratio(goal.row, "ours", against)
    name = f"{PEERS}, {against}" if goal.against == PEERS else against
    return None if ratio is None else Outcome(f"{goal.row.item} {goal.row.case}, against {name}", ratio, goal.least)


def _fastest_peer(results: Results, row: Row) -> str:
    medians = {name: results.median(row, name) or 0.0 for name in results.contenders(row) if name not in FAMILY}
    return max(medians, key=lambda name: medians[name], default="")


def _waiters(results: Results) -> Outcome | None:
    alone, awaited = (results.median(Row("W9", case, "ms"), "ours") for case in (awaiting.ALONE, awaiting.AWAITED))
    what = "W9 the time without waiters, of that with them"
    return None if not alone or not awaited else Outcome(what, alone / awaited, TIME_WITHOUT_WAITERS)


def _of_none(results: Results, work: str, least: float) -> Outcome | None:
    million, none = (
        results.median(_speed("W7", f"{state}: {work}"), "ours") for state in ("1,000,000 waiting", "no others")
    )
    return None if not million or not none else Outcome(f"W7 a million waiting, {work}", million / none, least)
