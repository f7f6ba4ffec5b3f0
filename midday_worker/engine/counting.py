"""Counting attempts: how many, for how long, and how long their jobs had waited."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from midday_worker.engine.job import Job
from midday_worker.metrics.tally import QueueTally

Processor: TypeAlias = Callable[[Job], Awaitable[str]]
"""Called with each job; returns its result as JSON text, or raises."""


def counted(processor: Processor, tally: QueueTally) -> Processor:
    """Return a processor that does the same, and counts."""

    async def process(job: Job) -> str:
        if job.deferredFailure:  # it doesn't start
            return await processor(job)
        counts = tally.of(job.name)
        counts.start()
        if job.attemptsStarted <= 1:  # of later ones nobody knows since when they wait
            counts.waits.observe(_waited_s(job))
        started = time.perf_counter()
        try:
            return await processor(job)
        finally:
            counts.end(time.perf_counter() - started)

    return process


def _waited_s(job: Job) -> float:
    # By the clocks of the producer and of this worker, which may differ.
    delay = job.opts.get("delay")
    since = job.timestamp + delay if isinstance(delay, int) else job.timestamp
    return max(0, (job.processedOn or 0) - since) / 1000
