"""How soon workers work again after they could not reach Redis."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from tests.soak.excuse import Span, absences_of, merged
from tests.soak.ledger import Entry

DEAF_S: Final = 12.0
"""A worker for which there were jobs, and which started none for so long without a reason, is deaf. The bar is 5 s; the
rest is for a machine that is busy with other things."""


@dataclass(frozen=True, slots=True)
class Service:
    """What one worker did while jobs were being added."""

    pid: int
    starts: tuple[float, ...]
    until: float
    """When it was told to stop, was killed, or the last job was added."""
    disturbed: tuple[Span, ...]


def services(entries: Sequence[Entry]) -> list[Service]:
    """Return the service of each worker that started a job."""
    feed_end = max((entry.time for entry in entries if entry.kind == "added"), default=0.0)
    cuts = [(entry.time, entry.time) for entry in entries if entry.kind == "cut"]
    found: list[Service] = []
    for pid in dict.fromkeys(entry.pid for entry in entries if entry.kind == "launched"):
        mine = [entry for entry in entries if entry.pid == pid]
        ends = [entry.time for entry in mine if entry.kind in ("told to stop", "killed", "exited")]
        until = min([*ends, feed_end])
        starts = tuple(entry.time for entry in mine if entry.kind == "started" and entry.time <= until)
        if starts:
            found.append(Service(pid, starts, until, tuple(merged(sorted([*absences_of(pid, entries), *cuts]), 0))))
    return found


def deaf(service: Service) -> list[str]:
    """Return what to say of the times at which it should have started jobs and didn't."""
    return [
        f"worker {service.pid} started nothing from {begin:.3f} to {end:.3f}, undisturbed for {quiet:.1f} s of it"
        for begin, end in pairwise((*service.starts, service.until))
        if (quiet := end - begin - _covered(service.disturbed, begin, end)) > DEAF_S
    ]


def delays(service: Service) -> list[float]:
    """Return the undisturbed seconds from the end of each disturbance to the next start of a job."""
    ends = [end for _, end in service.disturbed if service.starts[0] < end < service.until]
    nexts = [(end, next((start for start in service.starts if start > end), None)) for end in ends]
    return [
        start - end - _covered(service.disturbed, end, start)  # what comes in between may make it longer, never shorter
        for end, start in nexts
        if start is not None
    ]


def _covered(spans: Iterable[Span], begin: float, end: float) -> float:
    return sum(max(0.0, min(end, until) - max(begin, since)) for since, until in spans)
