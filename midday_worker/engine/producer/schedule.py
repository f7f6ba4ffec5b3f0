"""Recurring jobs: BullMQ's job schedulers, written and read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, cast
from uuid import uuid4

from bullmq.job import optsFromJSON

from midday_worker.engine.cron.pattern import CronPattern
from midday_worker.engine.producer.queue import Queue
from midday_worker.engine.producer.scheduler import Scheduler
from midday_worker.engine.redis.error_translation import Writing
from midday_worker.engine.redis.limited import UsedUp
from midday_worker.engine.wire.options import encode_request
from midday_worker.errors import ScheduleError
from midday_worker.request import JobRequest

_AGAIN: Final = "Calling again is safe: it has the same effect."
_NOT_IN_TEMPLATE: Final = ("jobId", "delay", "deduplication")
_OF_TRACES: Final = ("tm", "telemetry")
_TO_START: Final = {"waiting", "wait", "delayed", "prioritized", "paused"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence:
    """When a schedule fires: a cron pattern in a time zone, or every so many ms. Times are epoch milliseconds."""

    pattern: CronPattern | None = None
    every_ms: int | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    limit: int | None = None

    def encode(self) -> dict[str, object]:
        """Return BullMQ's repeat options; the time zone is always written."""
        wire: dict[str, object] = {
            "pattern": self.pattern.pattern if self.pattern else None,
            "tz": self.pattern.tz if self.pattern else None,
            "every": self.every_ms,
            "startDate": self.start_ms,
            "endDate": self.end_ms,
            "limit": self.limit,
        }
        return {key: value for key, value in wire.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A recurring job as it is stored. Times are epoch milliseconds."""

    id: str
    job: str
    queue: str
    next_run_ms: int | None
    pattern: str | None = None
    tz: str | None = None
    every_ms: int | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    limit: int | None = None
    iterations: int = 0
    data: object = None
    options: Mapping[str, object] = field(default_factory=lambda: {})
    """Of its runs, as BullMQ stores them."""
    last_run_started: bool = False
    """Whether it has had its last run ahead of its time."""

    @property
    def over(self) -> bool:
        """Whether it has had its last run, by its limit or its end; BullMQ then keeps it with the time of that run."""
        if self.last_run_started:
            return True
        last_ms = self.next_run_ms or 0
        if last_ms > time.time() * 1000:
            return False
        if self.limit is not None and self.iterations >= self.limit:
            return True
        return self.end_ms is not None and self.end_ms < max(time.time() * 1000, last_ms + (self.every_ms or 0))


async def upsert_schedule(queue: Queue, schedule_id: str, when: Recurrence, request: JobRequest) -> None:
    """Create the schedule, or put this in its place. Raises ScheduleError if it would never fire.

    One that has had as many runs as this same rule allows stays as it is.
    """
    template = _template(request)
    scheduler = Scheduler(queue)
    async with queue.bounded(
        f"write schedule {schedule_id} of queue {queue.name}", Writing(ids=[schedule_id], again=_AGAIN)
    ):
        try:
            job = await scheduler.upsertJobScheduler(schedule_id, when.encode(), request.name, request.data, template)
        except UsedUp:
            return
        await queue.replicated([schedule_id], "schedule")
    if job is None:
        raise ScheduleError(f"Schedule {schedule_id!r} has no run left before its end.")


def is_as_written(schedule: Schedule, when: Recurrence, request: JobRequest) -> bool:
    """Return whether `upsert_schedule` would change nothing of a stored schedule, but its trace."""
    stored = (schedule.pattern, schedule.tz, schedule.every_ms, schedule.start_ms, schedule.end_ms, schedule.limit)
    wire = when.encode()
    if stored != tuple(wire.get(name) for name in ("pattern", "tz", "every", "startDate", "endDate", "limit")):
        return False
    if (schedule.job, schedule.data) != (request.name, request.data):
        return False
    return _comparable(schedule.options) == _comparable(_template(request))


def _template(request: JobRequest) -> dict[str, object]:
    return {key: value for key, value in encode_request(request).items() if key not in _NOT_IN_TEMPLATE}


def _comparable(options: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in optsFromJSON(dict(options)).items() if key not in _OF_TRACES}


async def find_schedule(queue: Queue, schedule_id: str) -> Schedule | None:
    """Return the schedule, or None."""
    async with queue.bounded(f"read schedule {schedule_id} of queue {queue.name}"):
        stored = await Scheduler(queue).getScheduler(schedule_id)
        return await _read(queue, stored) if stored else None


async def list_schedules(queue: Queue, most: int | None = None) -> list[Schedule]:
    """Return the queue's schedules, the next to fire first; `most` of them, or all."""
    async with queue.bounded(f"list the schedules of queue {queue.name}"):
        stored = await Scheduler(queue).getJobSchedulers(0, -1 if most is None else most - 1, True)
        return await asyncio.gather(*(_read(queue, schedule) for schedule in stored))


async def change_schedule(queue: Queue, schedule_id: str, when: Recurrence) -> bool:
    """Change when a schedule fires; what its runs are stays. False if there is none.

    Raises:
        ScheduleError: it would never fire.
    """
    schedule = await find_schedule(queue, schedule_id)
    if schedule is None:
        return False
    scheduler = Scheduler(queue)
    async with queue.bounded(
        f"change schedule {schedule_id} of queue {queue.name}", Writing(ids=[schedule_id], again=_AGAIN)
    ):
        try:
            job = await scheduler.upsertJobScheduler(
                schedule_id, when.encode(), schedule.job, schedule.data, schedule.options
            )
        except UsedUp:
            return True
        await queue.replicated([schedule_id], "schedule")
    if job is None:
        raise ScheduleError(f"Schedule {schedule_id!r} has no run left before its end.")
    return True


async def run_schedule(queue: Queue, schedule_id: str) -> str | None:
    """Add one job as the schedule's runs are, beside them; return its id, None if there is no such schedule."""
    schedule = await find_schedule(queue, schedule_id)
    if schedule is None:
        return None
    job_id = str(uuid4())
    async with queue.bounded(f"run schedule {schedule_id} of queue {queue.name}", Writing(ids=[job_id])):
        await queue.add(schedule.job, schedule.data, {**schedule.options, "jobId": job_id})
        await queue.replicated([job_id])
    return job_id


async def remove_schedule(queue: Queue, schedule_id: str) -> bool:
    """Remove the schedule and its next job; False if there was none."""
    async with queue.bounded(
        f"remove schedule {schedule_id} of queue {queue.name}", Writing(ids=[schedule_id], again=_AGAIN)
    ):
        return await Scheduler(queue).removeJobScheduler(schedule_id) == 0


async def _read(queue: Queue, stored: Mapping[str, object]) -> Schedule:
    """Return a schedule. Of one whose last run is due later, that run is looked at: somebody may have promoted it."""
    schedule = _parse(queue.name, stored)
    next_ms = schedule.next_run_ms or 0
    is_last = (schedule.limit is not None and schedule.iterations >= schedule.limit) or (
        schedule.end_ms is not None and schedule.every_ms is not None and next_ms + schedule.every_ms > schedule.end_ms
    )
    if not is_last or next_ms <= time.time() * 1000:
        return schedule
    state = str(await queue.getJobState(f"repeat:{schedule.id}:{next_ms}"))
    return replace(schedule, last_run_started=state not in _TO_START)


def _parse(queue: str, stored: Mapping[str, object]) -> Schedule:
    template = stored.get("template")
    written: Mapping[str, object] = cast("Mapping[str, object]", template) if isinstance(template, Mapping) else {}
    options = written.get("opts")
    return Schedule(
        id=str(stored["key"]),
        job=str(stored.get("name") or ""),
        queue=queue,
        next_run_ms=cast("int | None", stored.get("next")),
        pattern=cast("str | None", stored.get("pattern")),
        tz=cast("str | None", stored.get("tz")),
        every_ms=cast("int | None", stored.get("every")),
        start_ms=cast("int | None", stored.get("startDate")),
        end_ms=cast("int | None", stored.get("endDate")),
        limit=cast("int | None", stored.get("limit")),
        iterations=cast("int | None", stored.get("iterationCount")) or 0,
        data=written.get("data"),
        options=cast("Mapping[str, object]", options) if isinstance(options, Mapping) else {},
    )
