"""What Redis answers to a fetch: a job with its hash, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast


@dataclass(frozen=True, slots=True)
class Fetched:
    """The answer of BullMQ's `moveToActive`, and of the scripts that bring the next job while settling one.

    Attributes:
        job_id: the job that is active now under the caller's token; None if there was none to take.
        raw: its hash; empty if the job was removed while it waited.
        limited_ms: how long the queue's rate limit lasts, in milliseconds; 0 for no limit.
        due_ms: when the next delayed job is due, in epoch milliseconds; 0 for never.
    """

    job_id: str | None = None
    raw: Mapping[str, str] | None = None
    limited_ms: int = 0
    due_ms: int = 0

    @classmethod
    def parse(cls, answer: object) -> Fetched:
        """Return the answer of a script, as `raw2NextJobData` of the port reads it."""
        if not isinstance(answer, list) or len(parts := cast("list[object]", answer)) < 4:
            return NOTHING
        raw, job_id, limited, due = parts[:4]
        if not job_id or job_id == "0":
            return cls(limited_ms=max(0, _integer(limited)), due_ms=max(0, _integer(due)))
        return cls(str(job_id), _pairs(raw))


NOTHING: Final = Fetched()


def _integer(value: object) -> int:
    return int(cast("int | str", value or 0))


def _pairs(flat: object) -> dict[str, str]:
    if isinstance(flat, dict):
        return cast("dict[str, str]", flat)
    if not isinstance(flat, list):
        return {}
    items = iter(cast("list[str]", flat))
    return dict(zip(items, items, strict=False))
