"""How many runs an act would be done to."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from midday_worker.admin.runs.bulk import BulkAct, within
from midday_worker.admin.runs.choice import RunChoice
from midday_worker.admin.runs.cursor import Cursor
from midday_worker.admin.runs.run import Show, as_stored
from midday_worker.admin.runs.scan import Scan, sizes_of
from midday_worker.engine.producer.queue import Queue


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCount:
    """How many runs are meant, as far as they were looked through.

    Attributes:
        matched: how many, of those that this call looked at.
        scanned: how many were looked at, by all calls up to this one's.
        total: how many there are in the queues and states of the choice.
        unsearched: how many of this call's hold something that can't be searched, and weren't found otherwise.
        until_ms: when the count began: who acts on what was counted means those up to then, in epoch milliseconds.
        cursor: where the next call goes on; None if all are counted.
    """

    matched: int
    scanned: int
    total: int
    unsearched: int
    until_ms: int
    cursor: Cursor | None


async def count_runs(
    queues: Callable[[str], Queue],
    choice: RunChoice,
    act: BulkAct,
    cursor: Cursor | None = None,
    show: Show = as_stored,
) -> RunCount:
    """Count runs that an act can be done to, as far as a bounded amount of work goes.

    If they are chosen by queue and state alone, none is read, and all are counted.

    Args:
        queues: returns the queue of a name.
        choice: which runs; those whose state doesn't allow the act aren't counted.
        act: what is to be done.
        cursor: where to go on; give the `until_ms` of the first answer in the choice, then.
        show: what is shown of each, and thus can be found.
    """
    until_ms = round(time.time() * 1000) if choice.until_ms is None else choice.until_ms
    choice = replace(within(choice, act), until_ms=until_ms)
    sizes = await sizes_of(queues, choice)
    total = sum(sizes.values())
    if choice.by_place_alone:
        return RunCount(matched=total, scanned=total, total=total, unsearched=0, until_ms=until_ms, cursor=None)
    scan = Scan(queues, choice, cursor or Cursor(), "oldest", sizes)
    matched = unsearched = 0
    async for place, run in scan.read():
        scan.keep(run, place)
        if choice.may_mean(run):
            found = choice.finds(show(run))
            matched += found
            unsearched += not found and choice.cannot_search(run)
    return RunCount(
        matched=matched,
        scanned=scan.cursor.scanned,
        total=total,
        unsearched=unsearched,
        until_ms=until_ms,
        cursor=None if scan.ended else scan.cursor,
    )
