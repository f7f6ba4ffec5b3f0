"""The commands over all queues: ``queues``, ``failed``, ``retry``, ``workers`` and ``doctor``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from midday_worker.cli.failure import one_line_errors
from midday_worker.cli.groups import job, queue, schedules
from midday_worker.cli.groups.option import (
    PANEL,
    AsJson,
    DryRun,
    Limit,
    OnlyJob,
    OnlyQueue,
    OnlyReason,
    Since,
    Yes,
)
from midday_worker.cli.values import duration, separated

if TYPE_CHECKING:
    from midday_worker.admin import FailureChoice


def add_to(app: typer.Typer) -> None:
    """Add the commands for acting on queues to the command line."""
    app.command(rich_help_panel=PANEL)(queues)
    app.add_typer(queue.app, name="queue", rich_help_panel=PANEL)
    app.add_typer(job.app, name="job", rich_help_panel=PANEL)
    app.command(rich_help_panel=PANEL)(failed)
    app.command(rich_help_panel=PANEL)(retry)
    app.add_typer(schedules.app, name="schedules", rich_help_panel=PANEL)
    app.command(rich_help_panel=PANEL)(workers)
    app.command(rich_help_panel=PANEL)(doctor)


@one_line_errors
def queues(
    queue: OnlyQueue = None,
    watch: Annotated[
        bool | None,
        typer.Option(
            "--watch/--once", help="Keep the table up to date, or write it once. [default: --watch on a terminal]"
        ),
    ] = None,
    every: Annotated[
        int | None, typer.Option(parser=duration("--every"), metavar="TIME", help='How often. [default: "2s"]')
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show all queues at a glance."""
    from midday_worker.cli.admin.queue_table import show_queues

    live = sys.stdout.isatty() if watch is None else watch
    show_queues(queue, watch=live and not as_json, every_ms=max(100, every or 2_000), as_json=as_json)


@one_line_errors
def failed(
    queue: OnlyQueue = None,
    job: OnlyJob = None,
    reason: OnlyReason = None,
    since: Since = None,
    limit: Limit = 10_000,
    as_json: AsJson = False,
) -> None:
    """Show failed jobs, grouped by reason."""
    from midday_worker.cli.admin.failed import show_failed

    show_failed(queue, _choice(job, reason, since, cancelled=True), most=limit, as_json=as_json)


@one_line_errors
def retry(
    queue: OnlyQueue = None,
    job: OnlyJob = None,
    reason: OnlyReason = None,
    since: Since = None,
    cancelled: Annotated[
        bool, typer.Option("--cancelled", help="Cancelled ones too, which are left out otherwise.")
    ] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Run failed jobs once more: all but cancelled ones, or those that are chosen."""
    from midday_worker.cli.admin.act_options import ActOptions
    from midday_worker.cli.admin.retry import retry_chosen

    choice = _choice(job, reason, since, cancelled=cancelled)
    retry_chosen(queue, choice, ActOptions(dry_run=dry_run, yes=yes, as_json=as_json))


@one_line_errors
def workers(queue: OnlyQueue = None, as_json: AsJson = False) -> None:
    """Show who works the queues, Node's workers among them."""
    from midday_worker.cli.admin.workers import show_workers

    show_workers(queue, as_json=as_json)


@one_line_errors
def doctor(
    imports: Annotated[
        list[str] | None,
        typer.Option(
            "--import",
            "-i",
            metavar="PKG",
            callback=separated,
            help="Look for jobs that nothing in it handles. Repeatable, or with commas between.",
        ),
    ] = None,
    queue: OnlyQueue = None,
    as_json: AsJson = False,
) -> None:
    """Look for what keeps jobs from running: Redis, clocks, names, prefixes, stuck jobs."""
    from midday_worker.cli.admin.doctor import run_doctor

    run_doctor(imports or [], queue, as_json=as_json)


def _choice(job: str | None, reason: str | None, since_ms: int | None, *, cancelled: bool) -> FailureChoice:
    from midday_worker.admin import FailureChoice
    from midday_worker.cli.admin.moment import now_ms

    first_ms = None if since_ms is None else now_ms() - since_ms
    return FailureChoice(job=job, reason=reason, since_ms=first_ms, cancelled=cancelled)
