"""W1 at concurrency 50 in a process whose metrics are switched on and off: what counting costs, to a percent or so.

Between two processes the same code differs by several percent from one moment to the next, and more than it costs.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Final

from scripts.benchmark.case import Case, Scale
from scripts.benchmark.contenders.program import TURN
from scripts.benchmark.figures import Figure
from scripts.benchmark.items.processing import run
from scripts.benchmark.ledger import Entry
from scripts.benchmark.roster import COUNTING, Contender
from scripts.benchmark.stage import Stage

WARM_UP: Final = 20
"""How many turns don't count; even, so that what is left begins without counting."""

BLOCK: Final = 5
"""Turns of one kind that are looked at together."""

FEWEST: Final = 40
"""Turns, however little work was asked for."""

ROUND: Final = 5
"""How many times as many jobs as others it gets in a round."""


def measure(scale: Scale, stage: Stage, contender: Contender) -> Sequence[Figure]:
    """Measure one round."""
    jobs = max(ROUND * scale.jobs, FEWEST * TURN)
    return [Figure("W1", COUNTING, "%", 100 * share(run(stage, contender, jobs, 50), TURN))]


def share(entries: Sequence[Entry], turn: int) -> float:
    """Return how fast jobs were that were counted, of those that were not; turn by turn, by what ended in it."""
    ended = sorted(entry.ended_ns for entry in entries)[turn - 1 :: turn]
    took = [after - before for before, after in pairwise(ended)][WARM_UP - 1 :]
    return _typical(took[::2]) / _typical(took[1::2])


def _typical(turns: Sequence[int]) -> float:
    # Of five together: values are put into buckets about once in four turns, which a median of single ones would hide.
    return statistics.median(sum(turns[first : first + BLOCK]) for first in range(0, len(turns) - BLOCK + 1, BLOCK))


def cases(scale: Scale) -> list[Case]:
    """Return the case, for the one contender that can switch."""
    return [Case(("W1",), COUNTING, partial(measure, scale), lambda contender: contender.variant_in == COUNTING)]
