"""W6: the work of W1 with a network in between, put in by a proxy."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from scripts.benchmark.case import Case, Scale, clients
from scripts.benchmark.figures import Figure
from scripts.benchmark.items.processing import run
from scripts.benchmark.ledger import rate
from scripts.benchmark.roster import Contender
from scripts.benchmark.stage import Stage

ROUND_TRIPS_MS: Final = (1, 5)
CONCURRENCY: Final = 50


def measure(scale: Scale, round_trip_ms: int, stage: Stage, contender: Contender) -> Sequence[Figure]:
    """Return the jobs per second with a round trip so much longer."""
    # One command at a time, two for each job, is what the port does; the others send side by side.
    at_once = 1 if contender.name == "raw" else CONCURRENCY
    pace = min(contender.pace(CONCURRENCY), at_once * 1000 / round_trip_ms / 2)
    jobs = scale.for_pace(contender, pace, scale.jobs)
    url = stage.line(round_trip_ms).url
    value = rate(run(stage, contender, jobs, CONCURRENCY, url=url))
    return [Figure("W6", name(round_trip_ms), "jobs/s", value)]


def name(round_trip_ms: int) -> str:
    """Return the case's name."""
    return f"{round_trip_ms} ms, concurrency {CONCURRENCY}"


def cases(scale: Scale) -> list[Case]:
    """Return the cases."""
    return [Case(("W6",), f"{number} ms", partial(measure, scale, number), clients) for number in ROUND_TRIPS_MS]
