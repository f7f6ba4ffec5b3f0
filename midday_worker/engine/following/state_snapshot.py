"""A look at the state of many jobs of a queue at one instant, and at the end of those that have ended."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from midday_worker.engine.following.ending import Ending, ending_by, ending_of
from midday_worker.engine.following.event_log import START, Entry, Event, Position, last_events, position_of
from midday_worker.engine.job.job import Job
from midday_worker.engine.producer.queue import Queue

State: TypeAlias = Literal["completed", "failed", "missing", "unfinished"]


@dataclass(frozen=True, slots=True)
class StateSnapshot:
    """What was seen: each job's state and progress, as they were when the event stream ended at `position`."""

    position: Position
    states: Mapping[str, State]
    progress: Mapping[str, str]


async def take_snapshot(queue: Queue, job_ids: Sequence[str], progress_of: Sequence[str]) -> StateSnapshot:
    """Look at jobs in one transaction. Five commands for however many, but for jobs that are missing.

    Args:
        queue: where they are.
        job_ids: whose state to read.
        progress_of: those of them whose progress to read, too.
    """
    found = await _transaction(queue, job_ids, progress_of, one_by_one=False)
    return found or cast("StateSnapshot", await _transaction(queue, job_ids, progress_of, one_by_one=True))


async def _transaction(
    queue: Queue, job_ids: Sequence[str], progress_of: Sequence[str], *, one_by_one: bool
) -> StateSnapshot | None:
    job_keys = [queue.toKey(job_id) for job_id in job_ids]
    async with queue.client.pipeline(transaction=True) as pipe:
        pipe.xrevrange(queue.keys["events"], count=1)
        pipe.zmscore(queue.keys["completed"], list(job_ids))
        pipe.zmscore(queue.keys["failed"], list(job_ids))
        for job_id in progress_of:
            pipe.hget(queue.toKey(job_id), "progress")
        for keys in [[key] for key in job_keys] if one_by_one else [job_keys]:
            pipe.exists(*keys)
        newest, completed, failed, *rest = cast("list[list[object]]", await pipe.execute())
    texts = cast("list[str | None]", rest[: len(progress_of)])
    counts = cast("list[int]", rest[len(progress_of) :])
    if not one_by_one:
        if counts[0] < len(job_ids):
            return None
        counts = [1] * len(job_ids)
    states: dict[str, State] = {
        job_id: _state(exists, done, broken)
        for job_id, exists, done, broken in zip(job_ids, counts, completed, failed, strict=True)
    }
    progress = {job_id: text for job_id, text in zip(progress_of, texts, strict=True) if text is not None}
    return StateSnapshot(position_of(cast("list[Entry]", newest)[0][0]) if newest else START, states, progress)


def _state(exists: int, completed: object, failed: object) -> State:
    if not exists:
        return "missing"
    if completed is not None:
        return "completed"
    return "unfinished" if failed is None else "failed"


async def read_endings(queue: Queue, states: Mapping[str, State]) -> dict[str, Ending]:
    """Return the ends of those jobs that have ended or are missing."""
    ended = [job_id for job_id, state in states.items() if state in ("completed", "failed")]
    hashes = await asyncio.gather(*(queue.backend.getJobData(job_id) for job_id in ended))
    endings = {
        job_id: ending_of(Job.from_raw(queue, raw, job_id), failed=states[job_id] == "failed")
        for job_id, raw in zip(ended, hashes, strict=True)
        if raw
    }
    missing = {job_id for job_id, state in states.items() if state != "unfinished" and job_id not in endings}
    if missing:
        events = await last_events(queue.client, queue.keys["events"], missing)
        endings.update({job_id: _missing(events.get(job_id, {})) for job_id in missing})
    return endings


def _missing(event: Event) -> Ending:
    return Ending("missing", reason=why_missing(event), from_events=ending_by(event))


def why_missing(event: Event) -> str:
    """Return why a job is gone, by the last that the queue's events tell of it."""
    match event.get("event"):
        case "completed":
            return "it completed, and was trimmed then or later (remove_on_complete)"
        case "failed":
            return "it failed, and was trimmed then or later (remove_on_fail)"
        case "removed":
            return f"it was removed while it was {event.get('prev') or 'in the queue'}"
        case _:
            return (
                "it was never written, was removed, or ended and was trimmed (remove_on_complete, remove_on_fail) "
                "so long ago that the queue's events don't tell of it"
            )
