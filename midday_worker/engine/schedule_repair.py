"""Schedules put right as a worker starts: those whose next run is nowhere, so that they would never fire again.

A schedule lives on by its runs: each makes the next one as it starts. One whose next run was lost, or whose last worker
could not compute the next time, stays listed and is dead, in Node and in Python alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

from loguru import logger

from midday_worker.engine.failure import reason_of
from midday_worker.engine.queue import Queue
from midday_worker.engine.schedule import Schedule, find_schedule, list_schedules
from midday_worker.engine.scheduler import Scheduler

RUN_PREFIX: Final = "repeat:"
"""What the id of a schedule's run begins with; the schedule's id and when it is due follow."""

_ALIVE: Final = {"waiting", "wait", "active", "delayed", "prioritized", "paused", "waiting-children"}


async def repair_schedules(queue: Queue) -> list[str]:
    """Give each dead schedule of a queue its next run; return their ids. What can't be repaired is said in a line each.

    Safe while other workers advance the same schedules: a run is made only in the place of the one that is missing.
    """
    return [schedule.id for schedule in await list_schedules(queue) if await _repair(queue, schedule)]


async def replace_run(queue: Queue, run_id: str) -> None:
    """Give a schedule its next run, if this one, whose hash is gone, is what it waits for."""
    schedule = await find_schedule(queue, run_id.removeprefix(RUN_PREFIX).rpartition(":")[0])
    if schedule is not None:
        await _repair(queue, schedule)


async def _repair(queue: Queue, schedule: Schedule) -> bool:
    names = {"schedule": schedule.id, "queue": queue.name}
    stored = await Scheduler(queue).getScheduler(schedule.id)
    if stored is None or not await queue.client.exists(f"{queue.keys['repeat']}:{schedule.id}"):
        return False  # not a scheduler: one of the repeatable jobs of older BullMQs
    if schedule.pattern is not None and schedule.tz is None:
        logger.warning(
            "schedule {schedule} of queue {queue} has no time zone: Python's workers take it for UTC, Node's for their "
            "process's. Write it again with one.",
            **names,
        )
    if schedule.next_run_ms is None or schedule.over or not await _has_lost_its_run(queue, schedule):
        return False
    try:
        made = await _advance(queue, schedule, stored)
    except Exception as error:  # whatever is stored: the worker starts all the same
        logger.error(
            "schedule {schedule} of queue {queue} will not fire again: {error} Write it again, or remove it.",
            error=reason_of(error),
            **names,
        )
        return False
    if made:
        logger.warning("schedule {schedule} of queue {queue} had lost its next run; it goes on", **names)
    return made


async def _has_lost_its_run(queue: Queue, schedule: Schedule) -> bool:
    key = queue.toKey(_run_id(schedule))
    state = str(await queue.getJobState(_run_id(schedule)))
    if state == "unknown":
        await queue.client.delete(key)  # what is left of it: BullMQ makes no run whose key exists
    # One without a name is what BullMQ has written of an id whose hash is gone.
    return state not in _ALIVE or not await queue.client.hexists(key, "name")


def _run_id(schedule: Schedule) -> str:
    return f"{RUN_PREFIX}{schedule.id}:{schedule.next_run_ms}"


async def _advance(queue: Queue, schedule: Schedule, stored: Mapping[str, object]) -> bool:
    """Do what the missing run would have done as it started. Raises for a schedule that can't be computed."""
    repeat: dict[str, object] = {
        "pattern": schedule.pattern,
        "tz": schedule.tz,
        "every": schedule.every_ms,
        "startDate": schedule.start_ms,
        "endDate": schedule.end_ms,
        "limit": schedule.limit,
        "count": schedule.iterations,
    }
    template = cast("Mapping[str, Mapping[str, object]]", stored.get("template") or {})
    job = await Scheduler(queue).upsertJobScheduler(
        schedule.id,
        {name: value for name, value in repeat.items() if value is not None},
        schedule.job,
        schedule.data,
        template.get("opts") or {},
        override=False,
        producer_id=_run_id(schedule),
    )
    return job is not None
