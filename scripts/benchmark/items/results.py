"""W9: what it costs that many wait for the results of jobs: the work of W3, without them and with them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from scripts.benchmark.case import Case, Scale
from scripts.benchmark.figures import Figure
from scripts.benchmark.items.waiting import CONCURRENCY, JOBS, WAIT_MS
from scripts.benchmark.ledger import check_exactly_once
from scripts.benchmark.roster import Contender
from scripts.benchmark.stage import KEEP, Stage

ALONE: Final = "nobody waits"
AWAITED: Final = f"{JOBS:,} wait"
_NS_PER_MS: Final = 1_000_000


def measure(scale: Scale, stage: Stage, contender: Contender) -> Sequence[Figure]:
    """Return how long the jobs take, from the first start to the last end, or to the last result."""
    jobs = min(JOBS, scale.jobs)
    return [
        Figure("W9", name, "ms", _took_ms(stage, contender, jobs, awaited=awaited))
        for name, awaited in ((ALONE, False), (AWAITED, True))
    ]


def _took_ms(stage: Stage, contender: Contender, jobs: int, *, awaited: bool) -> float:
    stage.reset(contender)
    producer = stage.producer(contender)
    with stage.crew(contender, CONCURRENCY, wait_ms=WAIT_MS) as crew:
        producer.order("awaited" if awaited else "fill", range(jobs))
        if awaited:
            crew.until(lambda: stage.idle_workers() > 0, "nobody waits for its results")
        answer = None if awaited else producer.answer()
        crew.go()
        crew.wait_for(jobs)
        answer = answer or producer.answer()
        stage.settle(contender, min(jobs, KEEP))
        entries = crew.wait_for(jobs)
    check_exactly_once(entries, range(jobs))
    ended = answer["sent"][0] if awaited else max(entry.ended_ns for entry in entries)
    return (ended - min(entry.started_ns for entry in entries)) / _NS_PER_MS


def cases(scale: Scale) -> list[Case]:
    """Return the case."""
    return [Case(("W9",), "", partial(measure, scale), lambda who: who.name == "ours")]
