"""Schedules, and the runs of theirs that Redis holds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final, cast

from midday_worker.engine.producer.queue import Queue
from midday_worker.engine.producer.schedule import (
    Recurrence,
    Schedule,
    change_schedule,
    find_schedule,
    list_schedules,
    remove_schedule,
    run_schedule,
)

MOST: Final = 1_000
"""How many schedules of a queue are listed."""


@dataclass(frozen=True, slots=True)
class ScheduleRuns:
    """A schedule's runs as far as Redis holds them. Times are epoch milliseconds.

    Attributes:
        next_id: the job that waits for the next one.
        last_ms: when the last one started, if one has.
        last_id: the job that it was, where that can be told and is still there.
    """

    next_id: str | None = None
    last_ms: int | None = None
    last_id: str | None = None


async def count_schedules(queue: Queue) -> int:
    """Return how many schedules the queue has."""
    async with queue.bounded(f"count the schedules of queue {queue.name}"):
        return cast("int", await queue.ask("ZCARD", queue.keys["repeat"]))


async def read_runs(queue: Queue, schedule: Schedule) -> ScheduleRuns:
    """Return what Redis holds of a schedule's runs.

    BullMQ adds the job of the next run as the last one starts; the ids of both hold when they are due.
    """
    if schedule.next_run_ms is None:
        return ScheduleRuns()
    next_id = run_id(schedule.id, schedule.next_run_ms)
    last_id = run_id(schedule.id, schedule.next_run_ms - schedule.every_ms) if schedule.every_ms else None
    async with queue.bounded(f"read the runs of schedule {schedule.id} of queue {queue.name}"):
        added, last = await asyncio.gather(_added_ms(queue, next_id), _added_ms(queue, last_id))
    if added is None:
        return ScheduleRuns()
    if schedule.iterations <= 1:  # its job came with the schedule, not with a run
        return ScheduleRuns(next_id)
    return ScheduleRuns(next_id, added, last_id if last is not None else None)


def run_id(schedule_id: str, due_ms: int) -> str:
    """Return the id of the job of a schedule's run, as BullMQ makes it."""
    return f"repeat:{schedule_id}:{due_ms}"


async def _added_ms(queue: Queue, job_id: str | None) -> int | None:
    if job_id is None:
        return None
    stored = cast("str | None", await queue.ask("HGET", queue.toKey(job_id), "timestamp"))
    return int(stored) if stored is not None and stored.isdecimal() else None


__all__ = [
    "MOST",
    "Recurrence",
    "Schedule",
    "ScheduleRuns",
    "change_schedule",
    "count_schedules",
    "find_schedule",
    "list_schedules",
    "read_runs",
    "remove_schedule",
    "run_id",
    "run_schedule",
]
