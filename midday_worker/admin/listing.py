"""Jobs by state: how many, a page of them, all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, cast

from midday_worker.admin.reading import LONGEST, read_all
from midday_worker.admin.snapshot import JobSnapshot, snapshot_of
from midday_worker.engine.job.job import Job
from midday_worker.engine.producer.queue import Queue
from midday_worker.engine.redis.error_translation import translated

FINISHED: Final = ("completed", "failed")
"""The states that a job ends in, as BullMQ names them."""

PENDING: Final = ("waiting", "active", "delayed", "prioritized", "waiting-children", "paused")
"""The states of a job that hasn't ended."""

LISTS: Final = ("waiting", "active", "paused")
"""The states whose jobs are in a list, the next to run last; the others' are in sorted sets."""

_PAGE: Final = 500


async def count_jobs(queue: Queue) -> dict[str, int]:
    """Return how many jobs the queue holds, by state, at one moment."""
    with translated(f"count the jobs of queue {queue.name}"):
        return await queue.getJobCounts(*FINISHED, *PENDING)


async def count_ended(queue: Queue, state: str, until_ms: int) -> int:
    """Return how many jobs completed, or failed, at this time or before, in epoch milliseconds."""
    async with queue.bounded(f"count the {state} jobs of queue {queue.name}"):
        return cast("int", await queue.ask("ZCOUNT", queue.keys[state], "-inf", until_ms))


async def count_children(queue: Queue, job_id: str) -> int:
    """Return how many children a job has, ended or not; 0 if there is no such job."""
    async with queue.bounded(f"count the children of job {job_id} of queue {queue.name}"):
        counts = await Job(queue, "", None, {}, job_id).getDependenciesCount()
    return counts["processed"] + counts["unprocessed"] + counts["failed"] + counts["ignored"]


async def list_ids(queue: Queue, state: str, start: int, end: int) -> list[str]:
    """Return the ids of the jobs of a state from the place `start` to `end`, the newest first, as BullMQ sorts them."""
    key = queue.toKey("wait" if state == "waiting" else state)
    if state in LISTS:
        found = await queue.ask("LRANGE", key, start, end)
    else:
        found = await queue.ask("ZREVRANGE", key, start, end)
    return cast("list[str]", found)


async def read_page(
    queue: Queue, states: Sequence[str], start: int, end: int, *, longest: int = LONGEST
) -> list[JobSnapshot]:
    """Return the jobs of each state from the place `start` to `end`, state by state, the newest first.

    The cost depends on how many are read, not on how many there are.

    Args:
        queue: the queue.
        states: as BullMQ names them.
        start: the first place, from 0.
        end: the last place, itself included.
        longest: how large a payload or a result may be, in bytes; a larger one is a `Cut`.
    """
    async with queue.bounded(f"read jobs of queue {queue.name}"):
        ids = await asyncio.gather(*(list_ids(queue, state, start, end) for state in states))
        found = [(job_id, state) for state, of_state in zip(states, ids, strict=True) for job_id in of_state]
        # A job that moved in between may be in two of them.
        return await read_all(queue, list(dict(found).items()), longest)


async def read_jobs(queue: Queue, states: Sequence[str] = FINISHED + PENDING) -> list[JobSnapshot]:
    """Return all jobs of these states, the newest first in each. Jobs that move meanwhile may be missed."""
    return [job for state in states for job in await _read_state(queue, state)]


async def _read_state(queue: Queue, state: str) -> list[JobSnapshot]:
    found: list[JobSnapshot] = []
    while True:
        with translated(f"read the {state} jobs of queue {queue.name}"):
            page = await queue.read_jobs([state], len(found), len(found) + _PAGE - 1)
        found += [snapshot_of(job, state) for job in page]
        if len(page) < _PAGE:
            return found
