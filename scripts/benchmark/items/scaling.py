"""W8: several worker processes, against the most that Redis's own time per job allows.

The queue is paused until all of them wait for jobs: they have to begin at the same time.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from scripts.benchmark.case import Case, Scale
from scripts.benchmark.figures import Figure
from scripts.benchmark.ledger import check_exactly_once, rate
from scripts.benchmark.roster import Contender
from scripts.benchmark.stage import KEEP, Stage

CONCURRENCY: Final = 50
CONTENDERS: Final = ("ours", "node")


def measure(scale: Scale, processes: int, stage: Stage, contender: Contender) -> Sequence[Figure]:
    """Return the jobs per second, Redis's time per job, and how much of what that allows was reached."""
    jobs = scale.jobs * min(processes, 2)
    stage.reset(contender)
    stage.pause()
    stage.producer(contender).add("fill", range(jobs))
    with stage.crew(contender, CONCURRENCY, processes=processes) as crew:
        crew.go_at_once()  # the service starts its second process when the first is up
        crew.until(lambda: stage.idle_workers() >= processes, "did not wait for jobs")
        stage.forget_counts()
        stage.resume()
        crew.wait_for(jobs)
        stage.settle(contender, min(jobs, KEEP))
        micros = stage.script_micros() / jobs
        entries = crew.wait_for(jobs)
    check_exactly_once(entries, range(jobs))
    per_second = rate(entries)
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
