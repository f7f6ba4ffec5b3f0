"""``midday-worker queue show``."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

from rich.text import Text

from midday_worker.admin import (
    FailureChoice,
    Failures,
    QueueOverview,
    Schedule,
    WorkerClient,
    group_failures,
    list_schedules,
    list_workers,
    read_overview,
)
from midday_worker.cli.admin.failed import render_groups
from midday_worker.cli.admin.moment import now_ms, span
from midday_worker.cli.admin.reach import Reach, reach
from midday_worker.cli.admin.schedules import render_schedules
from midday_worker.cli.admin.table import add_row, number, table, write
from midday_worker.cli.admin.workers import render_workers
from midday_worker.cli.output import say_json
from midday_worker.engine.producer.queue import Queue
from midday_worker.settings.durations import from_milliseconds
from midday_worker.settings.printable import one_line

_FAILURES = 1_000
"""How many failed jobs are looked at, the newest."""


def show_queue(name: str, *, as_json: bool) -> None:
    """Write what a queue holds, how it is set, who works it, and why its jobs fail."""

    async def act(at: Reach) -> None:
        queue = await at.queue(name)
        overview, workers, schedules = await asyncio.gather(
            read_overview(queue), list_workers(queue), list_schedules(queue, 100)
        )
        if as_json:
            failures = await _failures(queue)
            record = asdict(overview) | {
                "workers": None if workers is None else [asdict(worker) for worker in workers],
                "scheduled": [asdict(schedule) for schedule in schedules],
                "failures": asdict(failures),
            }
            say_json(record, indent=2)
            return
        await _write(queue, overview, workers, schedules)

    reach(act)


async def _write(
    queue: Queue, overview: QueueOverview, workers: list[WorkerClient] | None, schedules: list[Schedule]
) -> None:
    counts = table("state", "jobs", right=("jobs",))
    for state, count in overview.counts.items():
        if count or state not in ("paused", "waiting-children", "prioritized"):
            add_row(counts, state, number(count, "red" if state == "failed" else ""))
    write(Text(one_line(overview.name), style="bold"), counts, "", describe(overview))
    if workers:
        write("", render_workers({queue.name: workers}))
    if schedules:
        write("", render_schedules(schedules))
    if overview.counts.get("failed"):
        failures = await _failures(queue)
        write("", render_groups(failures.groups[:5], now_ms()))
        if failures.looked_at < failures.total:
            write(
                "", Text(f"Of {failures.total:,} failed jobs the newest {failures.looked_at:,} were looked at.", "dim")
            )


async def _failures(queue: Queue) -> Failures:
    return await group_failures(queue, FailureChoice(cancelled=True), _FAILURES)


def describe(overview: QueueOverview) -> str:
    """Return how a queue is set, in lines."""
    rate = overview.rate
    lines = [
        f"paused       {'yes: no job starts' if overview.paused else 'no'}",
        f"concurrency  {overview.concurrency or 'no limit over all workers'}",
        f"rate limit   {f'{rate.max} in {from_milliseconds(rate.duration_ms)}' if rate else 'none over all workers'}",
        f"schedules    {overview.schedules}",
    ]
    if overview.limited_ms:
        lines.append(f"limited      no job starts for another {span(overview.limited_ms)}")
    return "\n".join(lines)
