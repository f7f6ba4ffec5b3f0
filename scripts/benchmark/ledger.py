"""What ran: read from the ledgers that workers write, and checked before a figure counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

NS: Final = 1_000_000_000
_SHOWN: Final = 5


class NotExactlyOnceError(Exception):
    """Jobs of a round were lost, ran again, or were never added."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One run of a job; times of the machine's monotonic clock, which all processes share."""

    number: int
    started_ns: int
    ended_ns: int


def read_ledgers(folder: Path) -> list[Entry]:
    """Return what the workers of one measurement have written, without a line that is being written."""
    entries: list[Entry] = []
    for path in sorted(folder.glob("*.ledger")):
        whole = path.read_text().rpartition("\n")[0]
        entries += [Entry(*map(int, line.split())) for line in whole.splitlines()]
    return entries


def check_exactly_once(entries: Sequence[Entry], expected: Collection[int], *, all_of_them: bool = True) -> None:
    """Raise NotExactlyOnceError unless each expected number ran once, and nothing else did.

    Args:
        entries: what ran.
        expected: the numbers of the jobs.
        all_of_them: whether none may be left.
    """
    runs = Counter(entry.number for entry in entries)
    wanted = set(expected)
    wrong = {
        "ran more than once": [number for number, count in runs.items() if count > 1],
        "were never added": list(runs.keys() - wanted),
        "were lost": list(wanted - runs.keys()) if all_of_them else [],
    }
    found = [f"{len(numbers)} {what} ({_some(numbers)})" for what, numbers in wrong.items() if numbers]
    if found:
        raise NotExactlyOnceError(f"of {len(wanted)} jobs " + "; ".join(found))


def rate(entries: Sequence[Entry], first: int | None = None) -> float:
    """Return jobs per second, from the first start to the last end, of those `first` to end."""
    ended = sorted(entry.ended_ns for entry in entries)[:first]
    return len(ended) * NS / max(1, ended[-1] - min(entry.started_ns for entry in entries))


def _some(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, sorted(numbers)[:_SHOWN]))
    return shown if len(numbers) <= _SHOWN else f"{shown}, ..."
