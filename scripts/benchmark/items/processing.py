"""W1: jobs that do nothing, waiting beforehand; and what W3 and W6 do with the same work."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from scripts.benchmark.case import Case, Scale
from scripts.benchmark.figures import Figure
from scripts.benchmark.ledger import Entry, check_exactly_once, rate
from scripts.benchmark.roster import Contender
from scripts.benchmark.stage import KEEP, Stage

MOST_FOR_OTHERS: Final = 50


def run(
    stage: Stage,
    contender: Contender,
    jobs: int,
    concurrency: int,
    *,
    wait_ms: float = 0,
    url: str = "",
) -> list[Entry]:
    """Add jobs, let a worker run them, check that each ran once, and return what ran."""
    stage.reset(contender)
    with stage.crew(contender, concurrency, wait_ms=wait_ms, url=url) as crew:
        stage.producer(contender).add("fill", range(jobs))
        crew.go()
        crew.wait_for(jobs)
        stage.settle(contender, min(jobs, KEEP))
        entries = crew.wait_for(jobs)
    check_exactly_once(entries, range(jobs))
    return entries


def measure(scale: Scale, concurrency: int, stage: Stage, contender: Contender) -> Sequence[Figure]:
    """Measure one concurrency."""
    jobs = scale.for_pace(contender, contender.pace(concurrency), scale.jobs)
    value = rate(run(stage, contender, jobs, concurrency))
    return [Figure("W1", f"concurrency {concurrency}", "jobs/s", value)]


def cases(scale: Scale) -> list[Case]:
    """Return the cases, each for those who can run so many at a time; other libraries go up to 50."""

    def suits(concurrency: int, contender: Contender) -> bool:
        if contender.variant_in:
            return contender.variant_in == f"concurrency {concurrency}"
        most = 1 if contender.one_at_a_time else MOST_FOR_OTHERS if contender.environment else concurrency
        return concurrency <= most

    return [
        Case(("W1",), f"concurrency {number}", partial(measure, scale, number), partial(suits, number))
        for number in scale.concurrencies
    ]
