"""`JobEvent`: what a hook is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from midday_worker.engine.job import Job

P = TypeVar("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class JobEvent(Generic[P, R]):
    """What has happened to a job.

    Attributes:
        job: the BullMQ job: `id`, `name`, `data`, `attemptsMade` (attempts before this one).
        payload: the parsed payload, apart from the handler's own; None if the stored one is invalid.
        attempt: which attempt this is; the first is 1.
        result: the result, back from JSON, of one that succeeded.
        error: the error of one that failed.
        will_retry: whether another attempt follows a failed one.
    """

    job: Job
    payload: P | None
    attempt: int
    result: R | None = None
    error: BaseException | None = None
    will_retry: bool = False
