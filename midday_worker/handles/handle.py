"""`JobHandle` and `ScheduleHandle`: what the triggers return."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from midday_worker.client.client import JobClient
from midday_worker.engine.producer.schedule import Schedule
from midday_worker.handles.following import Following

ResultT_co = TypeVar("ResultT_co", covariant=True)


@dataclass(frozen=True, slots=True)
class JobHandle(Following[ResultT_co]):
    """One triggered job, to look at it, follow it and wait for its result.

    Attributes:
        id: the job's id; that of the job that stands for it, if this one was a duplicate.
        job: the job's name.
        queue: the queue's name.
        children: of a flow, the children's handles by position.
    """

    children: tuple[JobHandle[object], ...] = ()


@dataclass(frozen=True, slots=True)
class ScheduleHandle:
    """One recurring job."""

    id: str
    job: str
    queue: str
    client: JobClient = field(repr=False, compare=False)

    async def fetch(self) -> Schedule | None:
        """Return the schedule as it is stored, or None when it is gone."""
        return await self.client.find_schedule(self.queue, self.id)

    async def next_run(self) -> datetime | None:
        """Return when it fires next (UTC), or None when it is gone or has reached its limit."""
        schedule = await self.fetch()
        if schedule is None or schedule.next_run_ms is None or schedule.over:
            return None
        return datetime.fromtimestamp(schedule.next_run_ms / 1000, UTC)

    async def remove(self) -> bool:
        """Remove the schedule and its next run; False if it was gone already."""
        return await self.client.remove_schedule(self.queue, self.id)
