"""Retrying chosen failed jobs, in batches that can be interrupted: what is done stays done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from midday_worker.admin.failures import FailedJob, FailureChoice, count_span, failed_page
from midday_worker.admin.queue_acts import BATCH, Moved
from midday_worker.engine.acts.acts import Acts
from midday_worker.engine.producer.queue import Queue
from midday_worker.errors import JobNotFoundError, JobStateError

Retried: TypeAlias = Callable[[Moved], None]
"""Called after each batch with what was done so far."""


async def retry_failed(
    queue: Queue, choice: FailureChoice, on_progress: Retried | None = None, *, now_ms: int
) -> Moved:
    """Put chosen failed jobs back among those that wait, the oldest first, some at a time.

    A job that was taken, retried or removed by another meanwhile is skipped; one that fails again is left alone.

    Args:
        queue: the queue.
        choice: which jobs.
        on_progress: called after each batch, also after one that Redis went away in.
        now_ms: jobs that fail after this, in epoch milliseconds, aren't meant.
    """
    until_ms = now_ms if choice.until_ms is None else min(now_ms, choice.until_ms)
    choice = replace(choice, until_ms=until_ms)
    acts, done, stayed = Acts(queue), Moved(0, 0), 0
    # So many, and no more: by a worker's clock that is behind, a job that fails again is within the span again.
    left = await count_span(queue, choice)
    while left > 0:
        page = await failed_page(queue, choice, stayed, min(BATCH, left))
        if not page:
            break
        left -= len(page)
        meant = [job for job in page if choice.means(job)]
        outcomes = await asyncio.gather(*(_retried(acts, job) for job in meant), return_exceptions=True)
        moved = sum(outcome is True for outcome in outcomes)
        done = Moved(done.moved + moved, done.skipped + sum(outcome is False for outcome in outcomes))
        if on_progress is not None:
            on_progress(done)
        _raise_first(outcomes)
        refused = [job.id for job, outcome in zip(meant, outcomes, strict=True) if outcome is not True]
        stayed += len(page) - len(meant) + await _count_left(queue, refused, until_ms)
    return done


async def _retried(acts: Acts, job: FailedJob) -> bool:
    if not job.readable:
        return False
    try:
        # Those that aren't meant were left out by what was read of them.
        await acts.retry_from(job.id, "failed", cancelled=job.cancelled)
    except (JobStateError, JobNotFoundError):
        return False
    return True


async def _count_left(queue: Queue, ids: Sequence[str], until_ms: int) -> int:
    """Return how many of these jobs still stand where they stood: what is stored of them is no job."""
    async with queue.bounded(f"look at failed jobs of queue {queue.name}"):
        scores = await asyncio.gather(*(queue.ask("ZSCORE", queue.keys["failed"], job_id) for job_id in ids))
    return sum(score is not None and float(str(score)) <= until_ms for score in scores)


def _raise_first(outcomes: Sequence[bool | BaseException]) -> None:
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
