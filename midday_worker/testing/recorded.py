"""What a `RecordingClient` keeps: jobs and schedules that would have gone to Redis."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Final, Generic, TypeVar, cast

from midday_worker.engine.producer.schedule import Recurrence, Schedule
from midday_worker.options import ResolvedOptions
from midday_worker.request import FailurePolicy, JobRequest

P_co = TypeVar("P_co", covariant=True)

_LIBRARY: Final = ResolvedOptions()
_LONGEST_LINE: Final = 400


@dataclass(frozen=True, slots=True)
class Recorded(Generic[P_co]):
    """One job that was triggered.

    Attributes:
        id: the id that the handle has.
        job: the job's name.
        queue: the queue's name.
        payload: the validated payload.
        options: all options, merged: library < queue < job < call.
        parent_id: of a flow's child, its parent's id.
        on_failure: of a flow's child, what its failure does to its parent.
        children: of a flow's parent, the children.
    """

    id: str
    job: str
    queue: str
    payload: P_co
    options: ResolvedOptions
    request: JobRequest = field(repr=False)
    parent_id: str | None = None
    on_failure: FailurePolicy = "fail"
    children: tuple[Recorded[object], ...] = ()

    @property
    def state(self) -> str:
        """Return the state that the job would have at first."""
        if self.children:
            return "waiting-children"
        if self.options.delay:
            return "delayed"
        return "prioritized" if self.options.priority else "waiting"

    def __str__(self) -> str:
        child = f", child of {self.parent_id}" if self.parent_id else ""
        return f"{self.job} (queue {self.queue}, id {self.id}{child}): {_described(self.request)}"

    def matches(self, payload: object, options: Mapping[str, object]) -> bool:
        """Return whether payload and options are these; `...` stands for any payload."""
        return _payload_is(self.payload, payload) and all(
            getattr(self.options, name) == value for name, value in options.items()
        )


@dataclass(frozen=True, slots=True)
class RecordedSchedule(Generic[P_co]):
    """One recurring job that was triggered.

    Attributes:
        id: the schedule's id.
        job: the job's name.
        queue: the queue's name.
        payload: the validated payload of every run.
        options: all options of every run, merged.
        when: pattern and time zone or interval, and the bounds; times are epoch milliseconds.
    """

    id: str
    job: str
    queue: str
    payload: P_co
    options: ResolvedOptions
    when: Recurrence
    request: JobRequest = field(repr=False)

    def __str__(self) -> str:
        when = " ".join(f"{name}={value}" for name, value in self.when.encode().items())
        return f"{self.job} (queue {self.queue}, schedule {self.id}, {when}): {_described(self.request)}"

    def matches(self, payload: object, when: Mapping[str, object]) -> bool:
        """Return whether payload and repetition are these; `...` stands for any payload."""
        return _payload_is(self.payload, payload) and when.items() <= self.when.encode().items()

    def stored(self) -> Schedule:
        """Return the schedule as Redis would hold it."""
        when, now = self.when, round(time.time() * 1000)
        first = max(now, when.start_ms or now)
        return Schedule(
            id=self.id,
            job=self.job,
            queue=self.queue,
            next_run_ms=when.pattern.next_after(first) if when.pattern else first,
            pattern=when.pattern.pattern if when.pattern else None,
            tz=when.pattern.tz if when.pattern else None,
            every_ms=when.every_ms,
            start_ms=when.start_ms,
            end_ms=when.end_ms,
            limit=when.limit,
            data=self.request.data,
        )


def _payload_is(payload: object, expected: object) -> bool:
    return expected is ... or payload == expected


def _described(request: JobRequest) -> str:
    payload = json.dumps(request.data, ensure_ascii=False)
    if len(payload) > _LONGEST_LINE:
        payload = f"{payload[:_LONGEST_LINE]}…"
    values = {item.name: cast("object", getattr(request.options, item.name)) for item in fields(ResolvedOptions)}
    special = [f"{name}={value}" for name, value in values.items() if value != getattr(_LIBRARY, name)]
    return f"{payload} {' '.join(special)}".rstrip()
