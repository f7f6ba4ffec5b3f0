"""A page of runs of many queues, the newest first, that says how many were looked at for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from midday_worker.admin.runs.choice import RunChoice
from midday_worker.admin.runs.cursor import Cursor
from midday_worker.admin.runs.run import Run, Show, as_stored
from midday_worker.admin.runs.scan import Scan, sizes_of
from midday_worker.engine.producer.queue import Queue


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPage:
    """Some of the runs that are meant.

    Attributes:
        runs: as they are shown.
        scanned: how many were looked at, by all calls up to this one's.
        total: how many there are in the queues and states of the choice.
        unsearched: how many of this call's hold something that can't be searched, and weren't found otherwise.
        cursor: where the next call goes on; None after the last run.
    """

    runs: tuple[Run, ...]
    scanned: int
    total: int
    unsearched: int
    cursor: Cursor | None


async def list_runs(
    queues: Callable[[str], Queue], choice: RunChoice, most: int, cursor: Cursor | None = None, show: Show = as_stored
) -> RunPage:
    """Return the next runs that are meant, the newest first, as far as a bounded amount of work finds them.

    Those of each state have BullMQ's order: what completed or failed by its end, what is delayed by when it is due.

    Args:
        queues: returns the queue of a name.
        choice: which runs.
        most: how many at most.
        cursor: where to go on; from the newest if not given.
        show: what is shown of each, and thus can be found.
    """
    sizes = await sizes_of(queues, choice)
    scan = Scan(queues, choice, cursor or Cursor(), "newest", sizes)
    found: dict[tuple[str, str], Run] = {}
    unsearched = 0
    async for place, run in scan.read():
        scan.keep(run, place)
        if choice.may_mean(run):
            shown = show(run)
            if choice.finds(shown):
                # One that moved while it was looked for is seen in two states; the first is the later one's place.
                found.setdefault((run.queue, run.id), shown)
            else:
                unsearched += choice.cannot_search(run)
        if len(found) >= most:
            break
    return RunPage(
        runs=tuple(found.values()),
        scanned=scan.cursor.scanned,
        total=sum(sizes.values()),
        unsearched=unsearched,
        cursor=None if scan.ended else scan.cursor,
    )
