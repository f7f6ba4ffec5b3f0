"""Counting attempts: how many, for how long, and how long their jobs had waited.

It happens for each job, and each step costs a share of every job: no coroutine of its own, no call too many.
"""

from __future__ import annotations

from typing import Final

from midday_worker.engine.job import Job
from midday_worker.metrics.tally import JobTally, QueueTally

_LONGEST_MS: Final = 10**15
"""Thirty thousand years: of a stored time that makes no sense, Python could make a number that no float holds."""


def count_start(tally: QueueTally, job: Job) -> JobTally | None:
    """Count an attempt that starts; return where its end is to be counted. None for a job that won't be tried."""
    if job.deferredFailure:
        return None
    counts = tally.of(job.name)
    counts.start()
    if job.attemptsStarted <= 1:  # of later ones nobody knows since when they wait
        # By the clocks of the producer and of this worker, which may differ.
        waited_ms = (job.processedOn or 0) - job.timestamp
        delay = job.opts.get("delay")
        if isinstance(delay, int):
            waited_ms -= delay
        counts.waited.append(waited_ms / 1000 if 0 < waited_ms < _LONGEST_MS else 0.0)
    return counts
