"""W7: the work of W1 and W2 on a queue that holds very many jobs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from scripts.benchmark.backlog import FIRST_COPY, fill
from scripts.benchmark.case import Case, Scale
from scripts.benchmark.figures import Figure
from scripts.benchmark.ledger import Entry, check_exactly_once, rate
from scripts.benchmark.roster import Contender
from scripts.benchmark.stage import KEEP, Stage

CONCURRENCY: Final = 50
CONTENDERS: Final = ("ours", "node")


def measure(
    scale: Scale, name: str, waiting: int, completed: int, stage: Stage, contender: Contender
) -> Sequence[Figure]:
    """Add some jobs to a queue in this state, then process others, and return both rates."""
    stage.reset(contender)
    keep = completed or KEEP
    producer = stage.producer(contender, keep)
    jobs, adds = min(scale.state_jobs, scale.jobs), scale.state_adds
    with stage.crew(contender, CONCURRENCY) as crew:
        producer.add("sequential", range(1))
        fill(stage, waiting=waiting + jobs, completed=completed)
        sequential = producer.add("sequential", range(1, adds + 1))["seconds"]
        concurrent = producer.add("concurrent", range(adds + 1, 2 * adds + 1))["seconds"]
        crew.go()
        crew.wait_for(jobs)
    entries = crew.entries()
    _check(stage, entries, waiting + jobs, 2 * adds, keep, completed)
    return [
        Figure("W7", f"{name}: processing", "jobs/s", rate(entries, jobs)),
        Figure("W7", f"{name}: sequential adds", "jobs/s", adds / sequential),
        Figure("W7", f"{name}: concurrent adds", "jobs/s", adds / concurrent),
    ]


def _check(stage: Stage, entries: Sequence[Entry], copies: int, adds: int, keep: int, completed: int) -> None:
    """Check that each of these jobs has run once, or waits still."""
    known = {*range(1, adds + 1), *range(FIRST_COPY, FIRST_COPY + copies)}
    check_exactly_once(entries, known, all_of_them=False)
    stage.settle_at(min(keep, completed + len(entries)))
    stage.check_waiting(copies + adds - len(entries))


def cases(scale: Scale) -> list[Case]:
    """Return the cases; the first has no other jobs, to compare with."""
    states = [("no others", 0, 0)]
    states += [(f"{number:,} waiting", number, 0) for number in scale.backlogs]
    states += [(f"{scale.completed:,} completed", 0, scale.completed)]
    return [
        Case(("W7",), state[0], partial(measure, scale, *state), lambda who: who.name in CONTENDERS) for state in states
    ]
