"""Typed reads on a queue's jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from midday_worker.engine.queue import Queue
from midday_worker.engine.translation import translated
from midday_worker.engine.worker_clients import WorkerClient, list_workers

FINISHED: Final = ("completed", "failed")
"""The states that a job ends in, as BullMQ names them."""

PENDING: Final = ("waiting", "active", "delayed", "prioritized", "waiting-children", "paused")
"""The states of a job that hasn't ended."""

_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class JobSnapshot:
    """A job as it was read.

    Attributes:
        id: the job's id.
        name: the job's name.
        state: as BullMQ names it.
        attempts: how many were made.
        failed_reason: of the last attempt that failed, if one did.
        result: what the handler returned, if it has.
        unreadable: why the stored job can't be read, if it can't; its other attributes then are what could be.
    """

    id: str
    name: str
    state: str
    attempts: int
    failed_reason: str | None
    result: object
    unreadable: str | None = None


async def count_jobs(queue: Queue) -> dict[str, int]:
    """Return how many jobs the queue holds, by state, at one moment."""
    with translated(f"count the jobs of queue {queue.name}"):
        return await queue.getJobCounts(*FINISHED, *PENDING)


async def read_jobs(queue: Queue, states: Sequence[str] = FINISHED + PENDING) -> list[JobSnapshot]:
    """Return all jobs of these states, the newest first in each. Jobs that move meanwhile may be missed."""
    return [job for state in states for job in await _read_state(queue, state)]


async def _read_state(queue: Queue, state: str) -> list[JobSnapshot]:
    found: list[JobSnapshot] = []
    while True:
        with translated(f"read the {state} jobs of queue {queue.name}"):
            page = await queue.read_jobs([state], len(found), len(found) + _PAGE - 1)
        found += [
            JobSnapshot(job.id, job.name, state, job.attemptsMade, job.failedReason, job.returnvalue, job.unreadable)
            for job in page
        ]
        if len(page) < _PAGE:
            return found


__all__ = ["FINISHED", "PENDING", "JobSnapshot", "WorkerClient", "count_jobs", "list_workers", "read_jobs"]
