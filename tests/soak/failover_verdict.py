"""The verdict on failovers: what was lost or ran again, and which failover is the reason for each.

Replication is asynchronous: what a primary acknowledged just before it failed, its replicas may not have, and one that
lives, or awakes, goes on acknowledging until its clients hear of the new one. So a loss is explained if it was
acknowledged within `BEFORE_S` before a failover began, or until `AFTER_S` after the new primary was named; no other is.
A job ran again with cause if it ran, or its end was to be written down, in such a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from tests.soak.excuse import SETTLE_S, covered, merged
from tests.soak.ledger import Entry
from tests.soak.runs import Run, runs_of
from tests.soak.verdict import Remains

BEFORE_S: Final = 1.0
AFTER_S: Final = 2.0
BACK_S: Final = 5.0
"""Within which every worker starts a job again, once there is a new primary."""


@dataclass(frozen=True, slots=True)
class FailoverVerdict:
    """What was found, and some figures."""

    added: int
    failovers: int
    lost: list[str]
    """Acknowledged, and never run to the end: a line each, with the failover that it died with."""
    forgotten: int
    """Run to the end, and not in Redis any more: both its end and its add died with a primary."""
    repeats: int
    """Jobs that ran again."""
    slowest_return_s: float
    """The longest from a new primary to a worker's next start of a job."""
    offences: list[str]
    """Losses and repeats without a failover, what is left, workers that fell or came back late."""


def judge_failovers(entries: Sequence[Entry], remains: Remains) -> FailoverVerdict:
    """Judge a soak from its ledger, and from what Redis holds in the end."""
    failovers = [entry for entry in entries if entry.kind == "failover"]
    added = {entry.job: entry.time for entry in entries if entry.kind == "added"}
    runs = runs_of(entries)
    done = {job for job, each in runs.items() if any(run.outcome == "done" for run in each)}
    lost = {job: _cause(failovers, time, time) for job, time in added.items() if job not in done}
    forgotten = {
        job: _cause(failovers, added[job], _last(runs[job])) for job in added if job in done - remains.completed
    }
    late = [delay for failover in failovers for delay in _returns(entries, failover)]
    return FailoverVerdict(
        added=len(added),
        failovers=len(failovers),
        lost=[
            f"{job} died with the primary that was {cause.detail} from {cause.time:.3f} to {cause.until:.3f}: "
            f"acknowledged at {added[job]:.3f}"
            for job, cause in lost.items()
            if cause is not None
        ],
        forgotten=len(forgotten),
        repeats=sum(sum(run.outcome != "raised" for run in each) > 1 for each in runs.values()),
        slowest_return_s=max(late, default=0.0),
        offences=[
            *(f"{job} was lost without a failover" for job, cause in lost.items() if cause is None),
            *(f"{job} is gone from Redis without a failover" for job, cause in forgotten.items() if cause is None),
            *(line for each in runs.values() for line in _unexplained(each, failovers)),
            *(f"{job} is still {state}" for state, jobs in remains.others.items() for job in jobs),
            *_fallen(entries),
            *(f"a worker came back {delay:.2f} s after there was a new primary" for delay in late if delay > BACK_S),
        ],
    )


def _cause(failovers: Sequence[Entry], begin: float, end: float) -> Entry | None:
    """Return the failover within whose time this lies, or that lies within this."""
    return next((each for each in failovers if begin <= each.until + AFTER_S and end >= each.time - BEFORE_S), None)


def _last(runs: Sequence[Run]) -> float:
    return max(run.ended or run.started for run in runs) + SETTLE_S


def _unexplained(runs: Sequence[Run], failovers: Sequence[Entry]) -> list[str]:
    return [
        f"{before.job} ran again without a failover: from {before.started:.3f} and from {after.started:.3f}"
        for before, after in pairwise(runs)
        if before.outcome != "raised" or before.ended is None or before.ended > after.started
        if _cause(failovers, before.started, min(after.started, (before.ended or after.started) + SETTLE_S)) is None
    ]


def _returns(entries: Sequence[Entry], failover: Entry) -> list[float]:
    """Return how long each worker took to start a job after there was a new primary; time without processor is none."""
    found: list[float] = []
    for pid in {entry.pid for entry in entries if entry.kind == "launched"}:
        mine = [entry for entry in entries if entry.pid == pid]
        start = next((each.time for each in mine if each.kind == "started" and each.time > failover.until), None)
        if start is not None:
            starved = merged(sorted((each.time, each.until) for each in mine if each.kind == "starved"), 0)
            found.append(start - failover.until - covered(starved, failover.until, start))
    return found


def _fallen(entries: Sequence[Entry]) -> list[str]:
    told = {entry.pid for entry in entries if entry.kind == "told to stop"}
    return [
        f"worker {entry.pid} ended with {entry.code}"
        for entry in entries
        if (entry.kind == "exited" and (entry.pid not in told or entry.code)) or entry.kind == "killed"
    ]
