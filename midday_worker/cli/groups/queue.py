"""``midday-worker queue ...``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from midday_worker.cli.failure import one_line_errors
from midday_worker.cli.groups.option import AsJson, DryRun, QueueName, Yes
from midday_worker.cli.values import cleanable, duration, limit

if TYPE_CHECKING:
    from midday_worker.admin import Cleanable

app: Final = typer.Typer(help="Look at one queue, and act on it.", no_args_is_help=True)


@app.command()
@one_line_errors
def show(queue: QueueName, as_json: AsJson = False) -> None:
    """Show what a queue holds, how it is set, who works it, and why its jobs fail."""
    from midday_worker.cli.admin.queue_view import show_queue

    show_queue(queue, as_json=as_json)


@app.command()
@one_line_errors
def pause(queue: QueueName, as_json: AsJson = False) -> None:
    """Let no further job start; running ones go on."""
    from midday_worker.cli.admin import queue_acts
    from midday_worker.cli.admin.act_options import ActOptions

    queue_acts.pause(queue, ActOptions(as_json=as_json))


@app.command()
@one_line_errors
def resume(queue: QueueName, as_json: AsJson = False) -> None:
    """Let jobs start again."""
    from midday_worker.cli.admin import queue_acts
    from midday_worker.cli.admin.act_options import ActOptions

    queue_acts.resume(queue, ActOptions(as_json=as_json))


@app.command()
@one_line_errors
def drain(
    queue: QueueName,
    delayed: Annotated[bool, typer.Option("--delayed", help="Remove the delayed jobs too.")] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Remove all jobs that wait; running ones go on."""
    from midday_worker.cli.admin import queue_acts
    from midday_worker.cli.admin.act_options import ActOptions

    queue_acts.drain(queue, ActOptions(dry_run=dry_run, yes=yes, as_json=as_json), delayed=delayed)


@app.command()
@one_line_errors
def clean(
    queue: QueueName,
    state: Annotated[
        str, typer.Option(parser=cleanable, metavar="STATE", help="The state of the jobs to remove.")
    ] = "completed",
    older_than: Annotated[
        int | None,
        typer.Option("--older-than", parser=duration("--older-than"), metavar="TIME", help='Only older ones: "1d".'),
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Remove the jobs of one state, by default the completed ones."""
    from typing import cast

    from midday_worker.cli.admin import queue_acts
    from midday_worker.cli.admin.act_options import ActOptions

    manner = ActOptions(dry_run=dry_run, yes=yes, as_json=as_json)
    queue_acts.clean(queue, manner, state=cast("Cleanable", state), older_than_ms=older_than or 0)


@app.command()
@one_line_errors
def concurrency(
    queue: QueueName,
    most: Annotated[str, typer.Argument(metavar="N|none", help="Jobs at once, over all workers.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Limit how many jobs run at once, over all workers of either language."""
    from midday_worker.cli.admin import queue_acts
    from midday_worker.cli.admin.act_options import ActOptions

    queue_acts.set_concurrency(queue, ActOptions(as_json=as_json), limit("The concurrency", most))


@app.command("rate-limit")
@one_line_errors
def rate_limit(
    queue: QueueName,
    most: Annotated[str, typer.Argument(metavar="N|none", help="Jobs to start.", show_default=False)],
    per: Annotated[str, typer.Argument(metavar="TIME", help="In which time.")] = "1s",
    as_json: AsJson = False,
) -> None:
    """Limit how many jobs start in a time, over all workers of either language."""
    from midday_worker.cli.admin import queue_acts
    from midday_worker.cli.admin.act_options import ActOptions

    queue_acts.set_rate_limit(queue, ActOptions(as_json=as_json), limit("The rate limit", most), duration("TIME")(per))
