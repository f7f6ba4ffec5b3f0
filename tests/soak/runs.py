"""The runs of handlers, put together from the ledger's entries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from tests.soak.ledger import Entry


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one job's handler. `ended` is None if no end was noted."""

    job: str
    pid: int
    started: float
    ended: float | None = None
    outcome: Literal["done", "raised", "cut short"] = "cut short"
    team: str = ""


def runs_of(entries: Iterable[Entry]) -> dict[str, list[Run]]:
    """Return each job's runs, the earliest first."""
    runs: defaultdict[str, list[Run]] = defaultdict(list)
    for entry in entries:
        if entry.kind == "started":
            runs[entry.job].append(Run(entry.job, entry.pid, entry.time, team=entry.detail))
        elif entry.kind in ("done", "raised"):
            mine = runs[entry.job]
            # A worker that lost a job may get the same one again: the earlier run ends first.
            index = next(i for i, run in enumerate(mine) if run.pid == entry.pid and run.ended is None)
            outcome: Literal["done", "raised"] = "done" if entry.kind == "done" else "raised"
            mine[index] = replace(mine[index], ended=entry.time, outcome=outcome)
    return dict(runs)
