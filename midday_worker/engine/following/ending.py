"""How a job ended, as whoever waits for it hears of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from midday_worker.engine.job.job import Job

NO_REASON: Final = "it gave no reason"
"""For a failed job whose reason is empty: Node writes such."""


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of one job.

    Attributes:
        outcome: "missing" if Redis holds the job no more, and nobody saw how it ended.
        value: a completed job's result: JSON values.
        version: the result's; None if that isn't known, as of an end that an event told of.
        reason: why it failed, or why it is missing.
        attempts: how often a failed job was tried; 0 if that isn't known, as the job was removed when it failed.
        stacktrace: of a failed job, one text for each kept attempt.
        from_events: how a missing job ended, as far as its queue's events still tell.
    """

    outcome: Literal["completed", "failed", "missing"]
    value: object = None
    version: int | None = field(default=None, kw_only=True)
    reason: str = ""
    attempts: int = 0
    stacktrace: tuple[str, ...] = ()
    from_events: Ending | None = None


def ending_by(event: Mapping[str, str]) -> Ending | None:
    """Return the end that an event tells of; None if it isn't one of a job's end."""
    match event.get("event"):
        case "completed":
            return _completed(event.get("returnvalue", "null"))
        case "failed":
            return Ending("failed", reason=event.get("failedReason") or NO_REASON)
        case _:
            return None


def _completed(text: str) -> Ending:
    try:
        return Ending("completed", json.loads(text))
    except ValueError:
        return Ending("completed", text)


def ending_of(job: Job, *, failed: bool) -> Ending:
    """Return the end of a job that is stored as completed or failed."""
    if not failed:  # whatever its reason says: it keeps that of an earlier attempt
        return Ending("completed", job.returnvalue, version=job.result_version)
    return Ending(
        "failed",
        reason=job.failedReason or NO_REASON,
        attempts=job.attemptsMade,
        stacktrace=tuple(job.stacktrace),
    )
