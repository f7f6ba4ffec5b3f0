"""``midday-worker cancel``."""

from __future__ import annotations

import asyncio
import json

import typer

from midday_worker.admin import queues_of
from midday_worker.cli.loading import settings_with
from midday_worker.client import JobClient
from midday_worker.errors import InvalidInputError, JobNotFoundError
from midday_worker.settings import Settings


def cancel_job(job_id: str, queue: str | None, reason: str, *, children: bool, as_json: bool) -> None:
    """Cancel one job and write what became of it."""
    found, outcome = asyncio.run(_cancel(job_id, queue, reason, children, settings_with()))
    if as_json:
        typer.echo(json.dumps({"id": job_id, "queue": found, "outcome": outcome}))
    elif outcome == "cancelled":
        typer.echo(f"Cancelled job {job_id} of queue {found}")
    else:
        typer.echo(f"Job {job_id} of queue {found} is running and was told to stop")


async def _cancel(job_id: str, queue: str | None, reason: str, children: bool, settings: Settings) -> tuple[str, str]:
    async with JobClient(settings) as client:
        name = queue or await _queue_of(client, job_id)
        return name, await client.acts(name).cancel(job_id, reason, children=children)


async def _queue_of(client: JobClient, job_id: str) -> str:
    found = await queues_of(client.connection, client.settings.redis_prefix, job_id)
    if not found:
        raise JobNotFoundError(job_id=job_id, queue=None)
    if len(found) > 1:
        raise InvalidInputError(f"Job {job_id} is in the queues {', '.join(found)}: name one with --queue.")
    return found[0]
