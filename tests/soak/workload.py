"""The workload: which jobs a producer adds, the same for the same seed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from random import Random
from typing import Literal, TypeAlias

Way: TypeAlias = Literal["job_id", "key", "transaction"]
"""How an add that is tried again makes one job: by an id, an idempotency key, or a database's transaction."""


@dataclass(frozen=True, slots=True)
class Task:
    """One job to add."""

    job_id: str
    milliseconds: int
    failures: int = 0
    delay_ms: int = 0
    priority: int = 0
    team: str = ""
    """Whose job it is: of a team's jobs one runs at once."""
    way: Way = "job_id"


def workload(producer: str, jobs: int, seed: int) -> Iterator[Task]:
    """Return a producer's jobs: mostly short, some long, delayed, with a priority, failing at first, or a team's."""
    random = Random(f"{producer} {seed}")  # noqa: S311 - reproducible, not secret
    for number in range(jobs):
        team = random.choice("ab") if random.random() < 0.1 else ""
        is_long = team or random.random() < 0.04
        yield Task(
            f"{producer}-{number}",
            random.choice((100, 400) if team else (400, 900)) if is_long else random.randint(1, 40),
            failures=random.choice((1, 2)) if random.random() < 0.02 else 0,
            delay_ms=random.randint(100, 3_000) if random.random() < 0.05 else 0,
            priority=random.randint(1, 5) if random.random() < 0.05 else 0,
            team=team,
            way=random.choices(("job_id", "key", "transaction"), (8, 1, 1))[0],
        )


def as_lines(producer: str, jobs: int, seed: int) -> str:
    """Return the workload as a producer in another language reads it: a JSON object per line."""
    return "".join(json.dumps(asdict(task)) + "\n" for task in workload(producer, jobs, seed))


if __name__ == "__main__":
    sys.stdout.write(as_lines(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
