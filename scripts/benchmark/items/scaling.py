"""W8: several worker processes, against the most that Redis's own time per job allows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from scripts.benchmark.case import Case, Scale
from scripts.benchmark.figures import Figure
from scripts.benchmark.items.processing import process
from scripts.benchmark.roster import Contender
from scripts.benchmark.stage import Stage

CONCURRENCY: Final = 50
CONTENDERS: Final = ("ours", "node")


def measure(scale: Scale, processes: int, stage: Stage, contender: Contender) -> Sequence[Figure]:
    """Return the jobs per second, Redis's time per job, and how much of what that allows was reached."""
    jobs = scale.jobs * min(processes, 2)
    done = process(stage, contender, jobs, CONCURRENCY, processes=processes)
    per_second, micros = done.per_second, done.redis_micros
    case = f"{processes} process{'es' if processes > 1 else ''}"
    return [
        Figure("W8", case, "jobs/s", per_second),
        Figure("W8", case, "µs of Redis per job", micros),
        Figure("W8", case, "% of Redis's limit", per_second * micros / 10_000),
    ]


def cases(scale: Scale) -> list[Case]:
    """Return the cases."""
    return [
        Case(("W8",), f"{number}", partial(measure, scale, number), lambda who: who.name in CONTENDERS)
        for number in scale.processes
    ]
