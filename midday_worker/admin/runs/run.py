"""`Run`: what is read of a job when a list of many is looked through."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

from midday_worker.admin.snapshot import Cut
from midday_worker.engine.wire.places import PARKED_AT, PARKED_SCORE

FIELDS: Final = (
    *("name", "timestamp", "processedOn", "finishedOn", "delay", "priority"),
    *("atm", "attemptsMade", "rjk", "progress", "failedReason", "defa", PARKED_AT),
)
"""The fields of a job's hash that are read, besides its payload."""

_DUE: Final = 4_096
"""BullMQ's scores of delayed jobs are their times in ms by this: so those of one millisecond keep their order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A job in a list. Times are epoch milliseconds.

    Attributes:
        queue: its queue's name.
        id: its id.
        name: the job's name.
        state: as BullMQ names it.
        at_ms: when it came into its state, as far as that is known; lists are sorted by it.
        added_ms: when it was added.
        started_ms: when its last attempt started.
        finished_ms: when it ended.
        due_ms: of a delayed one, when it is to run.
        attempts: how many were made.
        priority: 0 is none.
        progress: what the handler last reported.
        reason: why it failed, or will fail; `Cut` if that is too long to be shown.
        data: the payload; `Cut` if it is too large to be looked through.
        readable: whether what is stored is a job, with a payload in JSON.
        scheduled: whether it is a run of a schedule.
        waits_for: of a delayed one, the key, as `path=value`, in whose limit it waits for a place.
    """

    queue: str
    id: str
    name: str
    state: str
    at_ms: int
    added_ms: int = 0
    started_ms: int | None = None
    finished_ms: int | None = None
    due_ms: int | None = None
    attempts: int = 0
    priority: int = 0
    progress: object = 0
    reason: object = None
    data: object = None
    readable: bool = True
    scheduled: bool = False
    waits_for: str | None = None


Show: TypeAlias = Callable[[Run], Run]
"""Returns a run as it is shown. What it hides can't be found by it either."""


def as_stored(run: Run) -> Run:
    """Show everything."""
    return run


def run_of(queue: str, state: str, job_id: str, score: float, stored: object, longest: int) -> Run:
    """Return what was read of a job.

    Args:
        queue: its queue's name.
        state: the state that it was found in.
        job_id: its id.
        score: its place among the state's, if that is a sorted set.
        stored: the texts of `FIELDS`, the payload's size and the payload; something else if there is no hash.
        longest: how many bytes a payload or a reason may have.
    """
    if not isinstance(stored, list):
        return Run(queue=queue, id=job_id, name="", state=state, at_ms=_moment(score), readable=False)
    *texts, size, payload = cast("list[str | None]", stored)
    fields = dict(zip(FIELDS, texts, strict=True))
    added = _number(fields["timestamp"])
    started, finished = _number(fields["processedOn"]), _number(fields["finishedOn"])
    data, readable = _payload(payload, _number(str(size)), longest)
    reason = fields["failedReason"] or fields["defa"] or None
    is_parked = state == "delayed" and fields[PARKED_AT] is not None and score == PARKED_SCORE
    too_long = reason is not None and len(reason) > longest
    return Run(
        queue=queue,
        id=job_id,
        name=fields["name"] or "",
        state=state,
        at_ms=_at(state, score, added, started),
        added_ms=added,
        started_ms=started or None,
        finished_ms=finished or None,
        due_ms=_moment(score / _DUE) if state == "delayed" and not is_parked else None,
        attempts=_number(fields["atm"] or fields["attemptsMade"]),
        priority=_number(fields["priority"]),
        progress=_progress(fields["progress"]),
        reason=Cut(len(reason)) if reason is not None and too_long else reason,
        data=data,
        readable=readable and bool(fields["name"]) and bool(added),
        scheduled=fields["rjk"] is not None,
        waits_for=(fields[PARKED_AT] or "").partition(":")[2] if is_parked else None,
    )


def _at(state: str, score: float, added: int, started: int) -> int:
    if state in ("completed", "failed"):
        return _moment(score)
    return (started or added) if state == "active" else added


def _payload(text: str | None, size: int, longest: int) -> tuple[object, bool]:
    if text is None:
        return (Cut(size), True) if size > longest else (None, size == 0)
    try:
        return cast("object", json.loads(text)), True
    except (ValueError, RecursionError):
        return None, False


def _progress(text: str | None) -> object:
    try:
        return cast("object", json.loads(text)) if text else 0
    except (ValueError, RecursionError):
        return 0


def _moment(score: float) -> int:
    return int(score) if abs(score) < 2**53 else 0


def _number(text: str | None) -> int:
    try:
        return int(float(text)) if text else 0
    except (ValueError, OverflowError):
        return 0


def texts_of(value: object) -> Sequence[str]:
    """Return a JSON value's texts, so that a tag's value can be compared: those of a list are its items'."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list):
        return [text for item in cast("list[object]", value) if not isinstance(item, list) for text in texts_of(item)]
    if value is None or isinstance(value, bool | int | float):
        return (json.dumps(value),)
    return ()
