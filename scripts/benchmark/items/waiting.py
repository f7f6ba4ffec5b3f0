"""W3: jobs that wait 10 ms, at concurrency 50: at best 5,000 per second."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from scripts.benchmark.case import Case, Scale, everybody
from scripts.benchmark.figures import Figure
from scripts.benchmark.items.processing import run
from scripts.benchmark.ledger import rate
from scripts.benchmark.roster import Contender
from scripts.benchmark.stage import Stage

JOBS: Final = 2_000
WAIT_MS: Final = 10
CONCURRENCY: Final = 50
IDEAL: Final = 1000 / WAIT_MS * CONCURRENCY
NAME: Final = f"jobs of {WAIT_MS} ms, concurrency {CONCURRENCY}"


def measure(scale: Scale, stage: Stage, contender: Contender) -> Sequence[Figure]:
    """Return the jobs per second."""
    alone = contender.one_at_a_time
    best = IDEAL / CONCURRENCY if alone else IDEAL
    jobs = scale.for_pace(contender, min(best, contender.pace(CONCURRENCY)), min(JOBS, scale.jobs))
    value = rate(run(stage, contender, jobs, CONCURRENCY, wait_ms=WAIT_MS))
    return [Figure("W3", NAME, "jobs/s", value)]


def cases(scale: Scale) -> list[Case]:
    """Return the case."""
    return [Case(("W3",), "", partial(measure, scale), everybody)]
