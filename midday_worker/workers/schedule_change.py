"""What is to be done about schedules: those that jobs declare beside those that Redis holds."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, cast

from midday_worker.definition.declared_schedule import DeclaredSchedule, ScheduledJob, schedule_payload
from midday_worker.definition.definition import JobDefinition
from midday_worker.engine.inspection.schedule_owners import DeclaringProcess, Owner
from midday_worker.engine.producer.queue import Queue
from midday_worker.engine.producer.schedule import Recurrence, Schedule, is_as_written
from midday_worker.request import JobRequest

Act: TypeAlias = Literal["add", "change", "remove", "wait", "refuse"]


@dataclass(frozen=True, slots=True)
class ScheduleChange:
    """What is to be done, or was, about a schedule.

    Attributes:
        act: "wait" is for one that is to be removed, or written, later; "refuse" for one that is somebody else's.
        queue, id: the schedule's.
        why: in words.
        gone_ms: of one that waits, since when no process declares it; None if one does.
    """

    act: Act
    queue: str
    id: str
    why: str
    gone_ms: int | None = None

    @property
    def place(self) -> str:
        """Its queue and id, in which there is no ":"."""
        return f"{self.queue}:{self.id}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A schedule that a job declares."""

    queue: Queue
    id: str
    when: Recurrence
    request: JobRequest

    @classmethod
    def of(cls, job: JobDefinition[object, object], schedule: DeclaredSchedule, queue: Queue) -> Wanted:
        """Return what a definition's schedule is to be."""
        payload = schedule_payload(cast("ScheduledJob", job), schedule)
        # A moment would be the same for every run: each has the definition's deadline, from when it is due.
        request = replace(job.dictionary_node(payload), deadline_ms=None)
        return cls(queue, schedule.id, schedule.recurrence(), request)

    @property
    def place(self) -> str:
        """Its queue and id, in which there is no ":"."""
        return f"{self.queue.name}:{self.id}"


def to_write(
    wanted: Sequence[Wanted], stored: Mapping[str, Schedule | None], owned: Mapping[str, Owner], service: str
) -> list[ScheduleChange]:
    """Return what is to be made or changed; and what can't be, as it is somebody else's.

    Args:
        wanted: what the service declares.
        stored: the schedules that are there, by queue and id.
        owned: whose they are.
        service: the service's name; "" for one without.
    """
    changes: list[ScheduleChange] = []
    for want in wanted:
        queue, schedule_id, there = want.queue.name, want.id, stored[want.place]
        owner, declares = owned.get(want.place), f"job {want.request.name} declares it"
        if there is None:
            changes.append(ScheduleChange("add", queue, schedule_id, declares))
        elif owner is None or owner.service not in ("", service):
            whose = "was made by hand" if owner is None else f"is of service {owner.service}"
            why = f"the one that is there {whose}; give this one another id=, or remove that one"
            changes.append(ScheduleChange("refuse", queue, schedule_id, why))
        elif not is_as_written(there, want.when, want.request):
            changes.append(ScheduleChange("change", queue, schedule_id, f"{declares} otherwise"))
    return changes


def to_remove(
    wanted: Sequence[Wanted],
    owned: Mapping[str, Owner],
    living: Sequence[DeclaringProcess],
    service: str,
    grace_ms: int,
) -> list[ScheduleChange]:
    """Return what the service declared before, and doesn't now: to be removed, or waiting for that.

    Args:
        wanted, owned, service: see `to_write`; of a service without a name nothing is removed.
        living: the processes that declare schedules.
        grace_ms: how long a schedule stays that no process declares.
    """
    declared = {want.place for want in wanted}
    needed = {place for process in living if process.service == service for place in process.declared}
    found: list[ScheduleChange] = []
    now_ms = round(time.time() * 1000)
    for place, owner in owned.items():
        if not service or owner.service != service or place in declared:
            continue
        queue, _, schedule_id = place.partition(":")
        gone_ms = owner.gone_ms or now_ms
        if place in needed:
            found.append(ScheduleChange("wait", queue, schedule_id, "another process of the service declares it"))
        elif now_ms - gone_ms < grace_ms:
            why = "no process declares it, for less than SCHEDULES_GRACE"
            found.append(ScheduleChange("wait", queue, schedule_id, why, gone_ms))
        else:
            found.append(ScheduleChange("remove", queue, schedule_id, "no process declares it"))
    return found
