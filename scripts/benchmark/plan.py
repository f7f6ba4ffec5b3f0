"""What a run measures: its items, its contenders, and how much work each case is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from scripts.benchmark.case import Case, Scale
from scripts.benchmark.items import (
    backlog,
    counting,
    enqueueing,
    latency,
    pickup,
    processing,
    results,
    scaling,
    waiting,
)

ITEMS: Final[Mapping[str, Callable[[Scale], list[Case]]]] = {
    "W1": lambda scale: [*processing.cases(scale), *counting.cases(scale)],
    "W2": enqueueing.cases,
    "W3": waiting.cases,
    "W4": pickup.cases,
    "W5": pickup.cases,
    "W6": latency.cases,
    "W7": backlog.cases,
    "W8": scaling.cases,
    "W9": results.cases,
}

QUICK: Final = Scale(
    concurrencies=(1, 50),
    processes=(1, 2),
    jobs=200,
    concurrent=50,
    seconds=0.1,
    peer_seconds=0.1,
    samples=10,
    peer_samples=10,
    state_adds=50,
    backlogs=(1_000,),
    completed=1_000,
)
"""Just enough to see that everything works."""


def cases_of(names: Sequence[str], scale: Scale) -> list[Case]:
    """Return the cases of these items, each once. Raises ValueError for an unknown item."""
    unknown = [name for name in names if name not in ITEMS]
    if unknown:
        raise ValueError(f"there is no item {unknown[0]!r}; there are {', '.join(ITEMS)}")
    makers = dict.fromkeys(ITEMS[name] for name in names)
    return [case for make in makers for case in make(scale)]
