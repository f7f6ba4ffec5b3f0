"""``midday-worker queues``: all queues at a glance, once or again and again in the same place."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Annotated, Final

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from midday_worker.admin import QueueOverview, list_all_workers, read_overviews
from midday_worker.cli.console import OutputConsole
from midday_worker.cli.failure import one_line_errors
from midday_worker.cli.moment import span
from midday_worker.cli.output import AsJson, say_json
from midday_worker.cli.reach import KeyPrefix, OnlyQueue, Reach, reach
from midday_worker.cli.table import add_row, fitted, number, table, write
from midday_worker.cli.values import duration
from midday_worker.engine.producer.queue import Queue
from midday_worker.errors import EngineError
from midday_worker.settings.printable import one_line

app: Final = typer.Typer(add_completion=False)

WAITING: Final = ("waiting", "prioritized", "paused")
_HEADS: Final = ("queue", "waiting", "running", "delayed", "parents", "completed", "failed", "workers", "state")
_SHORT_HEADS: Final = ("queue", "wait", "run", "delay", "parent", "done", "fail", "work", "state")
_PLENTY: Final = 1_000_000
_LEAST_NAME: Final = 12
_LEAST_STATE: Final = len("no workers…")
_LOOK_AGAIN: Final = 15
"""After so many refreshes Redis is asked anew which queues there are, which takes longer than to count their jobs."""


@dataclass(frozen=True, slots=True)
class Row:
    """A queue, and how many workers it has; None if Redis doesn't tell."""

    queue: QueueOverview
    workers: int | None


@app.command()
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
    prefix: KeyPrefix = None,
    as_json: AsJson = False,
) -> None:
    """Show all queues at a glance."""
    live = sys.stdout.isatty() if watch is None else watch
    show_queues(queue, prefix, watch=live and not as_json, every_ms=max(100, every or 2_000), as_json=as_json)


def show_queues(queue: str | None, prefix: str | None, *, watch: bool, every_ms: int, as_json: bool) -> None:
    """Write all queues, or one, as a table, which `watch` keeps up to date until Ctrl-C, or as JSON."""

    async def act(at: Reach) -> None:
        if watch:
            with suppress(asyncio.CancelledError):  # Ctrl-C is how it ends
                await _watch(at, queue, every_ms / 1000)
            return
        rows = await _read(await at.queues(queue))
        if as_json:
            say_json([asdict(row.queue) | {"workers": row.workers} for row in rows], indent=2)
        else:
            write(render(rows, at.prefix, OutputConsole().width))

    reach(act, prefix)


async def _watch(at: Reach, queue: str | None, every_s: float) -> None:
    queues: list[Queue] = []
    rows: list[Row] | None = None
    with Live(Text("Looking for queues ...", style="dim"), console=OutputConsole(), auto_refresh=False) as live:
        for turn in range(1_000_000_000):
            try:
                if not turn % _LOOK_AGAIN or not queues:
                    queues = await at.queues(queue)
                rows = await _read(queues)
                above = Text(f"every {every_s:g} s; Ctrl-C ends", style="dim")
            except EngineError as error:
                above = Text(str(error), style="red")
                queues = []  # a node of a cluster may be away, and the others not
            live.update(screen(above, rows, at.prefix, live.console), refresh=True)
            await asyncio.sleep(every_s)


def screen(above: Text, rows: Sequence[Row] | None, prefix: str, console: Console) -> Group:
    """Return what fits a terminal: how it goes, which is never cut off, and as many queues as there is room for."""
    if rows is None:  # Redis has not answered yet
        return Group(above)
    rows = _troubled_first(rows)
    for count in range(min(len(rows), console.height), 0, -1):
        shown, more = fitted(render(rows[:count], prefix, console.width), console.width), len(rows) - count
        below = [Text(f"and {more} more; midday-worker queues --once shows all", style="dim")] if more else []
        whole = Group(above, shown, *below)
        if len(console.render_lines(whole)) < console.height:  # the cursor is in the last line
            return whole
    return Group(above, render((), prefix)) if not rows else Group(above, Text(f"{len(rows)} queues", style="dim"))


async def _read(queues: Sequence[Queue]) -> list[Row]:
    overviews, workers = await asyncio.gather(read_overviews(queues), list_all_workers(queues))
    return [Row(overview, None if workers is None else len(workers[overview.name])) for overview in overviews]


def render(rows: Sequence[Row], prefix: str, width: int = _PLENTY) -> Table | Text:
    """Return the table of the queues, those in trouble first; in `width` columns a line for each, if that can be."""
    if not rows:
        return Text(f"No queues under prefix {prefix!r}. Is REDIS_PREFIX right? midday-worker doctor looks for others.")
    lines = [_cells(row) for row in _troubled_first(rows)]
    if sum(_widths(_HEADS, lines)) + 2 * (len(_HEADS) - 1) > width and _cut(lines, width):
        return _table(_SHORT_HEADS, lines, gap=1)
    return _table(_HEADS, lines, gap=2)


def _troubled_first(rows: Sequence[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (_health(row), row.queue.name))


def _health(row: Row) -> int:
    """Return how well a queue is: 0 if nothing of it runs, 1 if jobs have failed, 2 if it is paused, else 3."""
    if _lacks_workers(row) or (row.queue.paused and _waiting(row)):
        return 0
    return 1 if row.queue.counts.get("failed") else 2 if row.queue.paused else 3


def _cut(lines: Sequence[list[Text]], width: int) -> bool:
    """Shorten names and states until each queue fits in a line; False, with nothing changed, if they would vanish."""
    name, *numbers, state = _widths(_SHORT_HEADS, lines)
    left = width - sum(numbers) - len(numbers) - 1
    state = min(state, max(_LEAST_STATE, left - name))
    if left - state < _LEAST_NAME:
        return False
    for line in lines:
        line[0] = _shortened(line[0].plain, left - state)
        line[-1].truncate(state, overflow="ellipsis")
    return True


def _shortened(name: str, width: int) -> Text:
    # In the middle: names that begin alike differ at their ends.
    begun = width // 2
    shown = Text(name if len(name) <= width else f"{name[:begun]}…{name[begun + 1 - width :]}")
    shown.truncate(width, overflow="ellipsis")  # of characters that take two columns
    return shown


def _widths(heads: Sequence[str], lines: Sequence[Sequence[Text]]) -> list[int]:
    return [max(len(head), *(cell.cell_len for cell in cells)) for head, *cells in zip(heads, *lines, strict=True)]


def _table(heads: Sequence[str], lines: Sequence[Sequence[Text]], gap: int) -> Table:
    made = table(*heads, right=heads[1:-1], gap=gap)
    for cells in lines:
        add_row(made, *cells)
    return made


def _cells(row: Row) -> list[Text]:
    counts = row.queue.counts
    return [
        Text(one_line(row.queue.name)),
        number(_waiting(row), "yellow" if row.workers == 0 else ""),
        number(counts.get("active", 0), "green"),
        number(counts.get("delayed", 0)),
        number(counts.get("waiting-children", 0)),
        number(counts.get("completed", 0)),
        number(counts.get("failed", 0), "red"),
        Text("?", "dim") if row.workers is None else number(row.workers, "" if row.workers else "yellow"),
        state_of(row),
    ]


def _waiting(row: Row) -> int:
    return sum(row.queue.counts.get(state, 0) for state in WAITING)


def _lacks_workers(row: Row) -> bool:
    """Whether nobody is there for what waits, for what should be running, or for what starts after its children."""
    begun = ("active", "waiting-children")
    return row.workers == 0 and any(row.queue.counts.get(state) for state in (*WAITING, *begun))


def state_of(row: Row) -> Text:
    """Return in a few words what keeps a queue's jobs from starting, or how it is limited."""
    queue = row.queue
    said = Text()
    if queue.paused:
        said.append("paused ", "yellow")
    elif _lacks_workers(row):
        said.append("no workers ", "yellow")
    if queue.limited_ms:
        said.append(f"limited for {span(queue.limited_ms)} ", "yellow")
    if queue.concurrency:
        said.append(f"max {queue.concurrency} ", "dim")
    if queue.rate:
        said.append(f"{queue.rate.max}/{span(queue.rate.duration_ms)}", "dim")
    said.rstrip()
    return said
