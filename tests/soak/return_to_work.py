"""How soon workers work again after they could not reach Redis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from tests.soak.excuse import Span, absences_of, covered, merged
from tests.soak.ledger import Entry

DEAF_S: Final = 5.0
"""A worker for which there are jobs, and which starts none for so long without a reason, is deaf."""

START_UP_S: Final = 10.0
"""How long a process may take to load its jobs."""


@dataclass(frozen=True, slots=True)
class Service:
    """What one worker did while jobs were being added."""

    pid: int
    up: float
    """When it had loaded its jobs, and there were some to run."""
    starts: tuple[float, ...]
    until: float
    """When it was told to stop, was killed, or the last job was added."""
    disturbed: tuple[Span, ...]
    """When it, or Redis, was away; a connection that is cut is away for no time at all."""
    starved: tuple[Span, ...]
    """When its process, or that of the proxy, was not scheduled, though nobody had stopped it."""


def services(entries: Sequence[Entry]) -> list[Service]:
    """Return the service of each worker that was to work."""
    fed = [entry.time for entry in entries if entry.kind == "added"]
    feed_start, feed_end = min(fed, default=0.0), max(fed, default=0.0)
    cuts = [(entry.time, entry.time) for entry in entries if entry.kind == "cut"]
    found: list[Service] = []
    for launched in (entry for entry in entries if entry.kind == "launched"):
        mine = [entry for entry in entries if entry.pid == launched.pid]
        until = min([*(entry.time for entry in mine if entry.kind in ("told to stop", "killed", "exited")), feed_end])
        loaded = next((entry.time for entry in mine if entry.kind == "up"), launched.time + START_UP_S)
        up = max(loaded, feed_start)
        if up < until:
            starved = [(each.time, each.until) for each in entries if _is_starved(each, launched.pid)]
            found.append(
                Service(
                    pid=launched.pid,
                    up=up,
                    starts=tuple(each.time for each in mine if _is_job_s_start(each) and each.time <= until),
                    until=until,
                    disturbed=tuple(merged(sorted([*absences_of(launched.pid, entries), *cuts]), 0)),
                    starved=tuple(starved),
                )
            )
    return found


def _is_job_s_start(entry: Entry) -> bool:
    return entry.kind == "started" and not entry.job.startswith("repeat:")  # which are another queue's


def _is_starved(entry: Entry, pid: int) -> bool:
    return entry.kind == "starved" and entry.pid in (pid, 0)


def deaf(service: Service) -> list[str]:
    """Return what to say of the times at which it should have started jobs and didn't.

    That is so, above all, after Redis has returned. Time at which it could not work doesn't count.
    """
    excused = merged(sorted([*service.disturbed, *service.starved]), 0)
    return [
        f"worker {service.pid} started nothing from {begin:.3f} to {end:.3f}, undisturbed for {quiet:.1f} s of it"
        for begin, end in pairwise((service.up, *service.starts, service.until))
        if (quiet := end - begin - covered(excused, begin, end)) > DEAF_S
    ]


def delays(service: Service) -> list[float]:
    """Return the undisturbed seconds from the end of each disturbance to the next start of a job."""
    ends = [end for _, end in service.disturbed if service.up < end < service.until]
    nexts = [(end, next((start for start in service.starts if start > end), None)) for end in ends]
    return [
        start - end - covered(service.disturbed, end, start)  # what comes in between may make it longer, never shorter
        for end, start in nexts
        if start is not None
    ]
