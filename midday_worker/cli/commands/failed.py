"""``midday-worker failed``: failed jobs grouped by reason."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Final

import typer
from rich.table import Table
from rich.text import Text

from midday_worker.admin import FailureChoice, FailureGroup, Failures, by_reason, group_failures
from midday_worker.cli.failure import one_line_errors
from midday_worker.cli.moment import moment, now_ms
from midday_worker.cli.output import AsJson, say_json
from midday_worker.cli.reach import KeyPrefix, OnlyQueue, Reach, reach
from midday_worker.cli.table import add_row, number, table, write
from midday_worker.cli.values import duration, whole_number
from midday_worker.settings.printable import hanging

app: Final = typer.Typer(add_completion=False)

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


@app.command()
@one_line_errors
def failed(
    queue: OnlyQueue = None,
    job: OnlyJob = None,
    reason: OnlyReason = None,
    since: Since = None,
    limit: Limit = 10_000,
    prefix: KeyPrefix = None,
    as_json: AsJson = False,
) -> None:
    """Show failed jobs, grouped by reason."""
    choice = failure_choice(job, reason, since, cancelled=True)
    show_failed(queue, choice, prefix, most=limit, as_json=as_json)


def failure_choice(job: str | None, reason: str | None, since_ms: int | None, *, cancelled: bool) -> FailureChoice:
    """Return which failed jobs are meant; `since_ms` is how long ago they may have failed."""
    first_ms = None if since_ms is None else now_ms() - since_ms
    return FailureChoice(job=job, reason=reason, since_ms=first_ms, cancelled=cancelled)


def show_failed(queue: str | None, choice: FailureChoice, prefix: str | None, *, most: int, as_json: bool) -> None:
    """Write failed jobs grouped by reason, and within it by queue and name.

    Args:
        queue: only its jobs.
        choice: which jobs.
        prefix: see `KeyPrefix`.
        most: how many are looked at in each queue, the newest.
        as_json: in JSON.
    """

    async def act(at: Reach) -> None:
        queues = await at.queues(queue)
        found = await asyncio.gather(*(group_failures(one, choice, most) for one in queues))
        every = (group for one in found for group in one.groups)
        groups = by_reason(every)
        looked_at, total = sum(one.looked_at for one in found), sum(one.total for one in found)
        if as_json:
            record = {"groups": [asdict(group) for group in groups], "looked_at": looked_at, "total": total}
            say_json(record, indent=2)
            return
        _write(groups, found)

    reach(act, prefix)


def _write(groups: Sequence[FailureGroup], found: Sequence[Failures]) -> None:
    if not groups:
        write("No failed jobs match.")
        return
    write(render_groups(groups, now_ms()))
    looked_at, total = sum(one.looked_at for one in found), sum(one.total for one in found)
    if looked_at < total:
        write("", Text(f"Of {total:,} failed jobs the newest {looked_at:,} were looked at: --limit", style="dim"))
    cancelled = sum(group.count for group in groups if group.cancelled)
    if cancelled:
        write("", Text(f"Among them {cancelled:,} cancelled: retry takes those with --cancelled.", style="dim"))
    command = shlex.join(("midday-worker", "job", "show", groups[0].newest_id, "-q", groups[0].queue))
    write("", Text(hanging(f"The newest of the first: {command}"), style="dim"))


def render_groups(groups: Sequence[FailureGroup], now: int) -> Table:
    """Return the table of the groups."""
    shown = table("failed", "first", "last", "reason", "queue", "job", right=("failed",))
    for group in groups:
        seen = (moment(group.oldest_ms, now), moment(group.newest_ms, now))
        cells = (*seen, group.reason or "(none)", group.queue, group.job)
        add_row(shown, number(group.count, "yellow" if group.cancelled else "red"), *cells)
    return shown
