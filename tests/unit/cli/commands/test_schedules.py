"""The table of `midday-worker schedules list`."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from midday_worker.admin import Schedule
from midday_worker.cli.commands.schedules import render_schedules
from midday_worker.cli.moment import now_ms


def schedule(schedule_id: str, away_ms: int, limit: int | None = None) -> Schedule:
    return Schedule(
        id=schedule_id,
        job="sync",
        queue="orders",
        every_ms=60_000,
        next_run_ms=now_ms() + away_ms,
        iterations=3,
        limit=limit,
    )


def test_a_run_that_has_not_come_in_time_is_no_next_one_but_due() -> None:
    console = Console(file=StringIO(), width=100)
    listed = [schedule("waits", 90_500), schedule("overdue", -90_500), schedule("over", -90_500, limit=1)]
    console.print(render_schedules(listed))
    assert isinstance(console.file, StringIO)
    rows = [line.split() for line in console.file.getvalue().splitlines()[2:]]
    assert [" ".join(row[5:-1]) for row in rows] == ["in 1m", "due 1m ago", "over"]
