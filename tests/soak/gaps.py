"""Whether schedules of one second fired for as long as they were there.

The rule. Between two runs of a schedule, or its making, or its removal, at most `GAP_S` may pass, less the time at
which Redis, or a worker, was away or not scheduled, or no worker was up. If a worker was killed, or anything was away
so long that locks expired, the schedule may live on by a run that has to be found stalled: `recovery_s` more doesn't
count. A connection that is cut, and Redis's being away for an instant, are no such excuse.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from tests.soak.excuse import Span, covered, merged
from tests.soak.ledger import Entry

GAP_S: Final = 8.0
"""After an outage, a worker's pause before its next try takes up to two of them."""


def gaps(entries: Sequence[Entry], lock_s: float, recovery_s: float) -> list[str]:
    """Return what to say of the times at which a schedule should have fired and didn't."""
    excused = merged(sorted(_excuses(entries, lock_s, recovery_s)), 0)
    return [
        f"schedule {schedule} did not fire from {begin:.3f} to {end:.3f}, undisturbed for {quiet:.1f} s of it"
        for schedule, since, until in _schedules(entries)
        for begin, end in pairwise([since, *_fires(entries, schedule, until), until])
        if (quiet := end - begin - covered(excused, begin, end)) > GAP_S
    ]


def _schedules(entries: Sequence[Entry]) -> Iterator[tuple[str, float, float]]:
    ends = {entry.job: entry.time for entry in entries if entry.kind == "unscheduled"}
    for entry in entries:
        if entry.kind == "scheduled":
            yield entry.job, entry.time, ends.get(entry.job, entries[-1].time)


def _fires(entries: Sequence[Entry], schedule: str, until: float) -> list[float]:
    """Return when each run started for the first time."""
    first: dict[str, float] = {}
    for entry in entries:
        if entry.kind == "started" and entry.job.startswith(f"repeat:{schedule}:") and entry.time <= until:
            first.setdefault(entry.job, entry.time)
    return sorted(first.values())


def _excuses(entries: Sequence[Entry], lock_s: float, recovery_s: float) -> Iterator[Span]:
    yield from _without_worker(entries)
    for entry in entries:
        if entry.kind == "killed":
            yield entry.time, entry.time + recovery_s
        elif entry.kind in ("worker away", "redis away", "starved"):
            # As for a run's excuse: its lock may expire when a quarter of it was left for the next renewal.
            is_long = entry.until - entry.time > lock_s * 3 / 4
            yield entry.time, entry.until + (recovery_s if is_long else 0)


def _without_worker(entries: Sequence[Entry]) -> Iterator[Span]:
    """Yield when no worker was up that hadn't been told to stop."""
    up: set[int] = set()
    for entry, following in pairwise(entries):
        if entry.kind == "up":
            up.add(entry.pid)
        elif entry.kind in ("told to stop", "killed", "exited"):
            up.discard(entry.pid)
        if not up:
            yield entry.time, following.time
