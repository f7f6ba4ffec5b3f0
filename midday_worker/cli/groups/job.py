"""``midday-worker job ...``."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from midday_worker.cli.failure import one_line_errors
from midday_worker.cli.groups.option import AsJson, DryRun, JobId, OnlyQueue, Yes
from midday_worker.cli.values import whole_number

app: Final = typer.Typer(help="Look at one job, and act on it.", no_args_is_help=True)


@app.command()
@one_line_errors
def show(job_id: JobId, queue: OnlyQueue = None, as_json: AsJson = False) -> None:
    """Show all that is known of a job."""
    from midday_worker.cli.admin.job_view import show_job

    show_job(job_id, queue, as_json=as_json)


@app.command()
@one_line_errors
def logs(
    job_id: JobId,
    queue: OnlyQueue = None,
    lines: Annotated[
        int, typer.Option("--lines", "-n", parser=whole_number("--lines", 1), metavar="N", help="The newest lines.")
    ] = 100,
    as_json: AsJson = False,
) -> None:
    """Show what a job logged."""
    from midday_worker.cli.admin.job_view import show_log

    show_log(job_id, queue, most=lines, as_json=as_json)


@app.command()
@one_line_errors
def retry(job_id: JobId, queue: OnlyQueue = None, as_json: AsJson = False) -> None:
    """Run a job that has ended once more."""
    from midday_worker.cli.admin import job_acts
    from midday_worker.cli.admin.act_options import ActOptions

    job_acts.retry(job_id, queue, ActOptions(as_json=as_json))


@app.command()
@one_line_errors
def promote(job_id: JobId, queue: OnlyQueue = None, as_json: AsJson = False) -> None:
    """Let a delayed job run now."""
    from midday_worker.cli.admin import job_acts
    from midday_worker.cli.admin.act_options import ActOptions

    job_acts.promote(job_id, queue, ActOptions(as_json=as_json))


@app.command()
@one_line_errors
def remove(
    job_id: JobId, queue: OnlyQueue = None, dry_run: DryRun = False, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Remove a job that isn't running, and the children below it."""
    from midday_worker.cli.admin import job_acts
    from midday_worker.cli.admin.act_options import ActOptions

    job_acts.remove(job_id, queue, ActOptions(dry_run=dry_run, yes=yes, as_json=as_json))
