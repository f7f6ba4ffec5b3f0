"""``midday-worker cancel``."""

from __future__ import annotations

import asyncio

from midday_worker.cli.loading import settings_with
from midday_worker.cli.output import say, say_json
from midday_worker.cli.place import queue_of
from midday_worker.client.client import JobClient
from midday_worker.settings.settings import Settings


def cancel_job(job_id: str, queue: str | None, reason: str, *, children: bool, as_json: bool) -> None:
    """Cancel one job and write what became of it."""
    found, outcome = asyncio.run(_cancel(job_id, queue, reason, children, settings_with()))
    if as_json:
        say_json({"id": job_id, "queue": found, "outcome": outcome})
    elif outcome == "cancelled":
        say(f"Cancelled job {job_id} of queue {found}")
    else:
        say(f"Job {job_id} of queue {found} is running and was told to stop")


async def _cancel(job_id: str, queue: str | None, reason: str, children: bool, settings: Settings) -> tuple[str, str]:
    async with JobClient(settings) as client:
        name = queue or await queue_of(client, job_id)
        return name, await client.acts(name).cancel(job_id, reason, children=children)
