"""The arguments and options that the commands for acting on queues share."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from midday_worker.cli.values import duration, whole_number

PANEL: Final = "Acting on queues"


def complete_queue(incomplete: str) -> list[str]:
    """Return the queues whose names begin so, for a shell."""
    from midday_worker.cli.admin.completion import queue_names

    return queue_names(incomplete)


QueueName = Annotated[
    str, typer.Argument(metavar="QUEUE", help="The queue's name.", autocompletion=complete_queue, show_default=False)
]
OnlyQueue = Annotated[
    str | None,
    typer.Option("--queue", "-q", metavar="QUEUE", help="Look only in this queue.", autocompletion=complete_queue),
]
JobId = Annotated[str, typer.Argument(metavar="ID", help="The job's id.", show_default=False)]
ScheduleId = Annotated[str, typer.Argument(metavar="SCHEDULE", help="The schedule's id.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only count; change nothing.")]
OnlyJob = Annotated[str | None, typer.Option("--job", metavar="NAME", help="Only jobs of this name.")]
OnlyReason = Annotated[
    str | None, typer.Option("--reason", metavar="TEXT", help="Only failures whose reason holds this text.")
]
Since = Annotated[
    int | None,
    typer.Option(parser=duration("--since"), metavar="TIME", help='Only failures of this last time: "30m", "1d".'),
]
Limit = Annotated[
    int,
    typer.Option(
        parser=whole_number("--limit", 1),
        metavar="N",
        help="Look at so many of each queue, the newest.",
        show_default=True,
    ),
]
