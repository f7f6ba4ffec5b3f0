"""W1: jobs that do nothing, waiting beforehand; and what W3, W6 and W8 do with the same work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from scripts.benchmark.case import Case, Scale, everybody
from scripts.benchmark.figures import Figure
from scripts.benchmark.ledger import check_exactly_once, rate
from scripts.benchmark.roster import Contender
from scripts.benchmark.stage import KEEP, Stage


@dataclass(frozen=True, slots=True)
class Processed:
    """What a round of work showed."""

    per_second: float
    redis_micros: float
    """Redis's time per job."""


def process(
    stage: Stage,
    contender: Contender,
    jobs: int,
    concurrency: int,
    *,
    processes: int = 1,
    wait_ms: float = 0,
    url: str = "",
) -> Processed:
    """Add jobs, let workers run them, and check that each ran once."""
    stage.reset(contender)
    with stage.crew(contender, concurrency, processes=processes, wait_ms=wait_ms, url=url) as crew:
        stage.producer(contender).add("fill", range(jobs))
        stage.forget_counts()
        crew.go(processes)
        crew.wait_for(jobs)
        stage.settle(contender, min(jobs, KEEP))
        micros = stage.script_micros()
        entries = crew.wait_for(jobs)
    check_exactly_once(entries, range(jobs))
    return Processed(rate(entries), micros / jobs)


def measure(scale: Scale, concurrency: int, stage: Stage, contender: Contender) -> Sequence[Figure]:
    """Measure one concurrency."""
    jobs = scale.for_pace(contender, contender.pace(concurrency), scale.jobs)
    value = process(stage, contender, jobs, concurrency).per_second
    return [Figure("W1", f"concurrency {concurrency}", "jobs/s", value)]


def cases(scale: Scale) -> list[Case]:
    """Return the cases; a contender that runs one job at a time has only the first."""

    def several(contender: Contender) -> bool:
        return not contender.one_at_a_time

    return [
        Case(("W1",), f"concurrency {number}", partial(measure, scale, number), everybody if number == 1 else several)
        for number in scale.concurrencies
    ]
