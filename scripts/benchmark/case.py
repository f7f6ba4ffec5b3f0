"""`Case`: one thing that is measured, once for each contender in each round; and how much work that is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from scripts.benchmark.figures import Figure
from scripts.benchmark.roster import Contender
from scripts.benchmark.stage import Stage

_FEWEST: Final = 20

Measure: TypeAlias = Callable[[Stage, Contender], Sequence[Figure]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much work a round is."""

    concurrencies: tuple[int, ...] = (1, 10, 50, 100)
    processes: tuple[int, ...] = (1, 2, 4)
    jobs: int = 10_000
    """The most jobs that are processed at once, and the bulk call's number."""
    concurrent: int = 2_000
    seconds: float = 1.0
    """A slow contender gets as many jobs as take it about so long."""
    peer_seconds: float = 0.5
    samples: int = 100
    """Jobs whose pick-up is timed."""
    peer_samples: int = 40
    state_jobs: int = 5_000
    """Jobs that are processed on a queue that holds many."""
    state_adds: int = 1_000
    backlogs: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    completed: int = 100_000

    def for_pace(self, contender: Contender, pace: float, most: int) -> int:
        """Return how many jobs this contender gets at this pace."""
        seconds = self.peer_seconds if contender.environment else self.seconds
        return min(most, max(_FEWEST, round(pace * seconds)))


@dataclass(frozen=True, slots=True)
class Case:
    """One case of one item, or of two that are measured together."""

    items: tuple[str, ...]
    name: str
    measure: Measure
    suits: Callable[[Contender], bool]


def everybody(contender: Contender) -> bool:
    """For cases that suit every contender but ours's variants."""
    return not contender.variant_in


def clients(contender: Contender) -> bool:
    """For cases that compare BullMQ's clients as they are used."""
    return contender.bullmq and contender.own_producer
