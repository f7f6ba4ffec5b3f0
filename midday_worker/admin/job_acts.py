"""Acts on one job: those of the engine, kept from what is no job."""

from __future__ import annotations

import json
import time
from typing import Final

from midday_worker.admin.reading import get_job
from midday_worker.engine.acts.acts import Acts
from midday_worker.engine.job.job import Job
from midday_worker.engine.producer.queue import Queue
from midday_worker.engine.redis.error_translation import Writing

_UNREAD: Final = 0
"""No payload is needed of a job that is acted on."""


async def retry_job(queue: Queue, job_id: str) -> None:
    """Put a job that has ended back among those that wait. Raises JobNotFoundError, JobStateError."""
    await (await _acts(queue, job_id)).retry(job_id)


async def promote_job(queue: Queue, job_id: str) -> None:
    """Make a delayed job due now. Raises JobNotFoundError, JobStateError."""
    await (await _acts(queue, job_id)).promote(job_id)


async def remove_job(queue: Queue, job_id: str) -> None:
    """Remove a job, and the children below it.

    Raises:
        JobNotFoundError: there is no such job.
        JobStateError: it, or a child of it, is running.
        ScheduledRunError: it is the next run of a schedule.
    """
    await (await _acts(queue, job_id)).remove(job_id, children=True)


async def check_removal(queue: Queue, job_id: str) -> None:
    """Raise what `remove_job` would raise; change nothing."""
    await (await _acts(queue, job_id)).check_remove(job_id, children=True)


async def change_data(queue: Queue, job_id: str, data: object, version: int | None = None) -> None:
    """Replace a job's payload, which the caller has checked. Raises JobNotFoundError, JobStateError.

    Args:
        queue: the queue.
        job_id: the job.
        data: JSON values.
        version: the payload's; None if that isn't known, and what the job says of it stays.
    """
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    await (await _acts(queue, job_id)).update_data(job_id, text, version)


async def change_delay(queue: Queue, job_id: str, run_at_ms: int) -> None:
    """Change when a delayed job is due, in epoch milliseconds. Raises JobNotFoundError, JobStateError."""
    await (await _acts(queue, job_id)).reschedule(job_id, max(0, run_at_ms - round(time.time() * 1000)))


async def change_priority(queue: Queue, job_id: str, priority: int) -> None:
    """Give a job that waits another priority; 0 is none, 1 the first. Raises JobNotFoundError, JobStateError."""
    await (await _acts(queue, job_id)).change_priority(job_id, priority)


async def remove_unprocessed_children(queue: Queue, job_id: str) -> int:
    """Remove a job's children that have neither ended nor started; return how many it had. Raises JobNotFoundError."""
    job = await get_job(queue, job_id, longest=_UNREAD)
    parent = Job(queue, job.name, None, {}, job_id)
    writing = Writing(ids=[job_id], again="Calling again is safe: it has the same effect.")
    async with queue.bounded(f"remove the children of job {job_id} of queue {queue.name}", writing):
        unprocessed = (await parent.getDependenciesCount())["unprocessed"]
        if unprocessed:
            await parent.removeUnprocessedChildren()
    return unprocessed


async def _acts(queue: Queue, job_id: str) -> Acts:
    # The scripts take any key of the queue for a job's: without this, "meta" could be removed.
    await get_job(queue, job_id, longest=_UNREAD)
    return Acts(queue)
