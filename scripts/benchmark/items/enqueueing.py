"""W2: adding jobs, one after another, side by side, and with the bulk call."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from scripts.benchmark.case import Case, Scale
from scripts.benchmark.figures import Figure
from scripts.benchmark.roster import Contender
from scripts.benchmark.stage import Stage


def measure(mode: str, jobs: int, scale: Scale, stage: Stage, contender: Contender) -> Sequence[Figure]:
    """Add so many jobs, fewer if the contender is slow, and return the jobs per second."""
    stage.reset(contender)
    pace = contender.adds * (5 if mode == "bulk" else 1)
    count = jobs if contender.bullmq else scale.for_pace(contender, pace, jobs)
    producer = stage.producer(contender)
    seconds = producer.add(mode, range(count))["seconds"]
    if contender.bullmq:
        stage.check_waiting(count)
    return [Figure("W2", mode, "jobs/s", count / seconds)]


def cases(scale: Scale) -> list[Case]:
    """Return the cases, each for those who have such a call."""
    concurrent = scale.concurrent
    return [
        Case(("W2",), "sequential", partial(measure, "sequential", concurrent, scale), lambda who: who.own_producer),
        Case(
            ("W2",),
            "concurrent",
            partial(measure, "concurrent", concurrent, scale),
            lambda who: who.own_producer and who.concurrent,
        ),
        Case(("W2",), "bulk", partial(measure, "bulk", scale.jobs, scale), lambda who: who.own_producer and who.bulk),
    ]
