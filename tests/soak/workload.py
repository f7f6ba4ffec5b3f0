"""The workload: which jobs a producer adds, the same for the same seed."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Task:
    """One job to add."""

    job_id: str
    milliseconds: int
    failures: int = 0
    delay_ms: int = 0
    priority: int = 0


def workload(producer: str, jobs: int, seed: int) -> Iterator[Task]:
    """Return a producer's jobs: mostly short ones, some long, delayed, with a priority, or failing at first."""
    random = Random(f"{producer} {seed}")  # noqa: S311 - reproducible, not secret
    for number in range(jobs):
        yield Task(
            f"{producer}-{number}",
            random.choice((400, 900)) if random.random() < 0.04 else random.randint(1, 40),
            failures=random.choice((1, 2)) if random.random() < 0.02 else 0,
            delay_ms=random.randint(100, 3_000) if random.random() < 0.05 else 0,
            priority=random.randint(1, 5) if random.random() < 0.05 else 0,
        )


def as_lines(producer: str, jobs: int, seed: int) -> str:
    """Return the workload as a producer in another language reads it: a JSON object per line."""
    return "".join(json.dumps(asdict(task)) + "\n" for task in workload(producer, jobs, seed))


if __name__ == "__main__":
    sys.stdout.write(as_lines(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
