"""Where a job is of which only the id was given."""

from __future__ import annotations

from midday_worker.admin import queues_of
from midday_worker.client.client import JobClient
from midday_worker.errors import InvalidInputError, JobNotFoundError


async def queue_of(client: JobClient, job_id: str) -> str:
    """Return the queue that holds a job.

    Raises:
        JobNotFoundError: none does.
        InvalidInputError: several do.
    """
    found = await queues_of(client.connection, client.settings.redis_prefix, job_id)
    if not found:
        raise JobNotFoundError(job_id=job_id, queue=None)
    if len(found) > 1:
        raise InvalidInputError(f"Job {job_id} is in the queues {', '.join(found)}: name one with --queue.")
    return found[0]
