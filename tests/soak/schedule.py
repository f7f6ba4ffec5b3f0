"""The schedule of disturbances: what happens when, the same for the same seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, Literal, TypeAlias

Kind: TypeAlias = Literal[
    "term", "deploy", "kill", "stop", "redis kill", "redis pause", "client kill", "cut", "calm", "move", "take over"
]
Card: TypeAlias = tuple[Kind, float, float]
"""A kind, and the shortest and longest time it takes, in durations of the lock."""

SHORT: Final = (0.05, 0.25)
LONG: Final = (1.2, 1.4)
WORKERS: Final = 2

WORKER_DECK: Final[Sequence[Card]] = (
    ("term", 0, 0),
    ("term", 0, 0),
    ("kill", 0, 0),
    ("kill", 0, 0),
    ("stop", *SHORT),
    ("stop", *SHORT),
    ("stop", *LONG),
    ("calm", *LONG),
)
REDIS_DECK: Final[Sequence[Card]] = (
    ("redis kill", *SHORT),
    ("redis kill", *SHORT),
    ("redis kill", *LONG),
    ("redis pause", *SHORT),
    ("redis pause", *LONG),
    ("client kill", 0, 0),
    ("client kill", 0, 0),
    ("cut", 0, 0),
    ("cut", 0, 0),
    ("cut", 0, 0),
)


@dataclass(frozen=True, slots=True)
class Disturbance:
    """One thing to do, so many seconds after the one before is over, for `seconds`, to one worker or to Redis."""

    after: float
    kind: Kind
    seconds: float
    worker: int


def lane(deck: Sequence[Card], seed: int, lock_s: float) -> Iterator[Disturbance]:
    """Return disturbances without end: shuffled decks, so that each kind comes."""
    random = Random(f"{deck[0][0]} {seed}")  # noqa: S311 - reproducible, not secret
    while True:
        for kind, shortest, longest in random.sample(deck, len(deck)):
            takes = random.uniform(shortest, longest) * lock_s
            yield Disturbance(round(random.uniform(0.3, 2.5), 3), kind, round(takes, 3), random.randrange(WORKERS))


def rolling_deploy() -> Iterator[Disturbance]:
    """Return the replacement of one worker after the other."""
    for worker in range(WORKERS):
        yield Disturbance(0.5, "deploy", 0, worker)
