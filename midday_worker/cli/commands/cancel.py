"""``midday-worker cancel``."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

import typer

from midday_worker.cli.failure import one_line_errors
from midday_worker.cli.loading import settings_with
from midday_worker.cli.output import AsJson, say, say_json
from midday_worker.cli.reach import KeyPrefix, OnlyQueue, Reach, know_prefixes
from midday_worker.client.client import JobClient

app: Final = typer.Typer(add_completion=False)


@app.command()
@one_line_errors
def cancel(
    job: Annotated[str, typer.Argument(metavar="JOB_ID", help="The id of one job, as trigger wrote it.")],
    queue: OnlyQueue = None,
    reason: Annotated[str, typer.Option(help="Why, for whoever reads the failure.")] = "",
    prefix: KeyPrefix = None,
    children: Annotated[bool, typer.Option("--children", help="Its children that haven't started, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Cancel one job, whether it runs or not."""
    settings = settings_with()
    if prefix is None:
        know_prefixes(settings)
    found, outcome = asyncio.run(_cancel(job, queue, reason, children, Reach(JobClient(settings), prefix)))
    if as_json:
        say_json({"id": job, "queue": found, "outcome": outcome})
    elif outcome == "cancelled":
        say(f"Cancelled job {job} of queue {found}")
    else:
        say(f"Job {job} of queue {found} is running and was told to stop")


async def _cancel(job_id: str, queue: str | None, reason: str, children: bool, at: Reach) -> tuple[str, str]:
    async with at.client as client:
        name = queue or (await at.holder(job_id)).name
        return name, await client.acts(at.place(name)).cancel(job_id, reason, children=children)
