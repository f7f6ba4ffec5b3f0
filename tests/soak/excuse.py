"""Whether a job had cause to run again.

The rule. Let a job have run at a worker from `started` to `ended`, and start again at `again`, though the run before
had not raised. That is excused only if, between `started` and the moment at which its end was written down,

- the worker was killed; or
- the worker, or Redis, or both in turn were away, or not scheduled, so long that the lock expired. A lock lasts
  `lock_s` from its last renewal, and the worker renews each quarter of that: so it may expire, at the earliest, when
  they have been away for three quarters. Two absences that leave less than a quarter between them are one, as no
  renewal need lie between.

The end is written down within `SETTLE_S` of `ended`, or of the end of an absence that came in between; if no end was
noted, it never was. Neither a cut connection nor a lost reply is an excuse: what is lost is asked for again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import inf
from typing import Final, TypeAlias

from tests.soak.ledger import Entry
from tests.soak.runs import Run

Span: TypeAlias = tuple[float, float]

SETTLE_S: Final = 3.0


def unexcused(runs: Sequence[Run], entries: Sequence[Entry], lock_s: float) -> list[str]:
    """Return what to say of those runs of one job that had no cause."""
    found: list[str] = []
    for before, after in pairwise(runs):
        if before.outcome == "raised" and before.ended is not None and before.ended < after.started:
            continue  # the next attempt
        if not is_excused(before, after.started, entries, lock_s):
            found.append(
                f"{before.job} ran again without cause: at worker {before.pid} from {before.started:.3f} to "
                f"{before.ended or float('nan'):.3f} ({before.outcome}), at worker {after.pid} from {after.started:.3f}"
            )
    return found


def crowded(runs: Sequence[Run], entries: Sequence[Entry], lock_s: float) -> list[str]:
    """Return what to say of runs that began while another one of their team went on, without an excuse of that one's.

    A job has its team's place for as long as its lock lives: what excuses that it runs again excuses this.
    """
    turns: defaultdict[str, list[Run]] = defaultdict(list)
    for run in sorted(runs, key=lambda run: run.started):
        turns[run.team].append(run)
    return [
        f"{after.job} started at {after.started:.3f} while {before.job} of team {team} ran at worker {before.pid}"
        for team, each in turns.items()
        for before, after in pairwise(each if team else [])
        if after.started < (before.ended or inf) and not is_excused(before, after.started, entries, lock_s)
    ]


def is_excused(before: Run, again: float, entries: Sequence[Entry], lock_s: float) -> bool:
    """Return whether the run has an excuse, by the rule above."""
    absences = absences_of(before.pid, entries)
    until = min(again, _written_down(before, absences))
    killed = [entry.time for entry in entries if entry.kind == "killed" and entry.pid == before.pid]
    if any(before.started <= time <= until for time in killed):
        return True
    quarter = lock_s / 4
    starved = [
        (entry.time, entry.until) for entry in entries if entry.kind == "starved" and entry.pid in (before.pid, 0)
    ]
    return any(
        end - begin > lock_s - quarter and begin <= until and end >= before.started
        for begin, end in merged(sorted([*absences, *starved]), quarter)
    )


def absences_of(pid: int, entries: Iterable[Entry]) -> list[Span]:
    """Return when the worker or Redis was away."""
    return sorted(
        (entry.time, entry.until)
        for entry in entries
        if entry.kind == "redis away" or (entry.kind == "worker away" and entry.pid == pid)
    )


def merged(spans: Iterable[Span], gap: float) -> list[Span]:
    """Return the sorted spans, those put together that leave less than `gap` between them."""
    whole: list[Span] = []
    for begin, end in spans:
        if whole and begin - whole[-1][1] < gap:
            whole[-1] = (whole[-1][0], max(end, whole[-1][1]))
        else:
            whole.append((begin, end))
    return whole


def covered(spans: Iterable[Span], begin: float, end: float) -> float:
    """Return how much of a time the spans, which don't overlap, take."""
    return sum(max(0.0, min(end, until) - max(begin, since)) for since, until in spans)


def _written_down(run: Run, absences: Iterable[Span]) -> float:
    if run.ended is None:
        return float("inf")
    until = run.ended + SETTLE_S
    for begin, end in absences:
        if begin <= until and end >= run.started:
            until = max(until, end + SETTLE_S)
    return until
