"""``midday-worker schedules ...``."""

from __future__ import annotations

from typing import Final

import typer

from midday_worker.cli.failure import one_line_errors
from midday_worker.cli.groups.option import AsJson, DryRun, OnlyQueue, ScheduleId, Yes

app: Final = typer.Typer(help="Look at recurring jobs, and act on them.", no_args_is_help=True)


@app.command("list")
@one_line_errors
def list_(queue: OnlyQueue = None, as_json: AsJson = False) -> None:
    """List the schedules, the next to fire first."""
    from midday_worker.cli.admin.schedules import show_schedules

    show_schedules(queue, as_json=as_json)


@app.command()
@one_line_errors
def run(schedule: ScheduleId, queue: OnlyQueue = None, as_json: AsJson = False) -> None:
    """Run a schedule's job once, now, beside its own runs."""
    from midday_worker.cli.admin import schedules
    from midday_worker.cli.admin.act_options import ActOptions

    schedules.run(schedule, queue, ActOptions(as_json=as_json))


@app.command()
@one_line_errors
def remove(
    schedule: ScheduleId, queue: OnlyQueue = None, dry_run: DryRun = False, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Remove a schedule and its next run."""
    from midday_worker.cli.admin import schedules
    from midday_worker.cli.admin.act_options import ActOptions

    schedules.remove(schedule, queue, ActOptions(dry_run=dry_run, yes=yes, as_json=as_json))
