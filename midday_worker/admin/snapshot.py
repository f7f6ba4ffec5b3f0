"""A job as it was read, at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from midday_worker.engine.job.job import Job


@dataclass(frozen=True, slots=True)
class Cut:
    """What stands for a stored value that was too large to be read; `size` is in bytes."""

    size: int


@dataclass(frozen=True, slots=True)
class JobSnapshot:
    """A job as it was read. Times are epoch milliseconds.

    Attributes:
        id: the job's id.
        name: the job's name.
        state: as BullMQ names it.
        attempts: how many were made.
        failed_reason: of the last attempt that failed, if one did.
        result: what the handler returned, if it has; `Cut` if it is too large to be shown.
        unreadable: why the stored job can't be read, if it can't; its other attributes then are what could be.
        data: the payload; `Cut` if it is too large to be shown.
        options: as BullMQ stores them.
        progress: what the handler last reported.
        added_ms: when it was added.
        started_ms: when its last attempt started.
        finished_ms: when it ended.
        delay_ms: how long it was to wait.
        priority: 0 is none.
        stacktrace: of its attempts, the oldest first.
        starts: how often an attempt was started; more than `attempts` if some never ended.
        stalls: how often its worker went silent.
        worker: the name of the worker that ran it last, where that has one.
        schedule_id: the schedule that it is a run of.
        deduplication_id: under which duplicates of it are dropped.
        deferred_failure: why it will fail as soon as a worker takes it.
        parent_key: its parent in a flow, as `prefix:queue:id`.
        waits_for: the key, as `path=value`, in whose limit it waits for a place; None if it doesn't.
    """

    id: str
    name: str
    state: str
    attempts: int
    failed_reason: str | None
    result: object
    unreadable: str | None = None
    data: object = None
    options: Mapping[str, object] = field(default_factory=lambda: {})
    progress: object = 0
    added_ms: int = 0
    started_ms: int | None = None
    finished_ms: int | None = None
    delay_ms: int = 0
    priority: int = 0
    stacktrace: tuple[str, ...] = ()
    starts: int = 0
    stalls: int = 0
    worker: str | None = None
    schedule_id: str | None = None
    deduplication_id: str | None = None
    deferred_failure: str | None = None
    parent_key: str | None = None
    waits_for: str | None = None


def snapshot_of(job: Job, state: str) -> JobSnapshot:
    """Return what was read of a job. One that couldn't be read has little more than its id and its name."""
    # What is stored may have any shape.
    stacktrace = cast("object", job.stacktrace)
    return JobSnapshot(
        id=job.id,
        name=job.name,
        state=state,
        attempts=job.attemptsMade,
        failed_reason=job.failedReason,
        result=job.returnvalue,
        unreadable=job.unreadable,
        data=job.data,
        options=job.opts,
        progress=job.progress,
        added_ms=job.timestamp,
        started_ms=job.processedOn or None,
        finished_ms=job.finishedOn or None,
        delay_ms=job.delay,
        priority=job.priority,
        stacktrace=tuple(map(str, cast("list[object]", stacktrace))) if isinstance(stacktrace, list) else (),
        starts=job.attemptsStarted,
        stalls=job.stalledCounter,
        worker=job.processedBy,
        schedule_id=job.repeatJobKey,
        deduplication_id=_text(job.deduplication_id),
        deferred_failure=job.deferredFailure,
        parent_key=job.parentKey,
        waits_for=job.waits_for if state == "delayed" else None,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
