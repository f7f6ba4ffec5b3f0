"""W4 and W5: how soon an idle worker starts a job, and the memory it has while it waits for one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from scripts.benchmark.case import Case, Scale, everybody
from scripts.benchmark.figures import Figure, percentile
from scripts.benchmark.ledger import check_exactly_once
from scripts.benchmark.roster import Contender
from scripts.benchmark.stage import Stage

CONCURRENCY: Final = 10
PAUSE_MS: Final = 20
_NS_PER_MS: Final = 1_000_000


def measure(scale: Scale, stage: Stage, contender: Contender) -> Sequence[Figure]:
    """Send a job every 20 ms and return how long each took from the call to its start; and the memory before."""
    stage.reset(contender)
    samples = scale.peer_samples if contender.environment else scale.samples
    producer = stage.producer(contender)
    with stage.crew(contender, CONCURRENCY) as crew:
        producer.add("sequential", range(1))  # the first one warms both up
        crew.go()
        crew.wait_for(1)
        memory = crew.memory_mib()
        sent = producer.add("paced", range(1, samples + 1), PAUSE_MS)["sent"]
        crew.wait_for(samples + 1)
        stage.settle(contender, samples + 1)
        entries = crew.wait_for(samples + 1)
    check_exactly_once(entries, range(samples + 1))
    started = {entry.number: entry.started_ns for entry in entries}
    delays = [(started[number] - call) / _NS_PER_MS for number, call in enumerate(sent, 1)]
    return [
        Figure("W4", "p50", "ms", percentile(delays, 50)),
        Figure("W4", "p99", "ms", percentile(delays, 99)),
        Figure("W5", "idle worker", "MiB", memory),
    ]


def cases(scale: Scale) -> list[Case]:
    """Return the case."""
    return [Case(("W4", "W5"), "", partial(measure, scale), everybody)]
