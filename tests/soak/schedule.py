"""The schedule of disturbances: what happens when, the same for the same seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, Literal, TypeAlias

Kind: TypeAlias = Literal["term", "deploy", "kill", "stop", "redis kill", "redis pause", "client kill", "cut"]
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

ROLLING_DECK: Final[Sequence[Card]] = (("deploy", 0, 0),)


@dataclass(frozen=True, slots=True)
class Disturbance:
    """One thing to do, `at` so many seconds after the start, for `seconds`, to one worker or to Redis."""

    at: float
    kind: Kind
    seconds: float
    worker: int


def lane(deck: Sequence[Card], seed: int, seconds: float, lock_s: float) -> Iterator[Disturbance]:
    """Return disturbances one after the other until the time is up: shuffled decks, so that each kind comes."""
    random = Random(f"{deck[0][0]} {seed}")  # noqa: S311 - reproducible, not secret
    at = random.uniform(1, 3)
    while True:
        for kind, shortest, longest in random.sample(deck, len(deck)):
            takes = random.uniform(shortest, longest) * lock_s
            if at + takes > seconds:
                return
            yield Disturbance(round(at, 3), kind, round(takes, 3), random.randrange(WORKERS))
            at += takes + random.uniform(0.3, 2.0)
