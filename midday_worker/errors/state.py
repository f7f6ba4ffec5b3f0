"""What a queue, or the run of a schedule, is not in the state for."""

from __future__ import annotations

from collections.abc import Sequence

from midday_worker.errors.outcome import JobStateError
from midday_worker.errors.root import MiddayWorkerError


class ScheduledRunError(JobStateError):
    """A job is the next run of a schedule, which could never fire again without it.

    `schedule_id` names the schedule: remove that instead.
    """

    def __init__(self, *, job_id: str, queue: str, state: str, schedule_id: str) -> None:
        self.schedule_id = schedule_id
        why = f"It is the next run of schedule {schedule_id!r}: remove the schedule, or let it run."
        super().__init__(act="removed", job_id=job_id, queue=queue, state=state, allowed=(), why=why)


class QueueStateError(MiddayWorkerError):
    """A queue is not in a state for what was asked. Nothing was changed.

    Attributes:
        queue: its name.
        active: how many of its jobs are running, where that is why; None where it isn't paused.
    """

    def __init__(self, message: str, *, queue: str, active: int | None = None) -> None:
        self.queue = queue
        self.active = active
        super().__init__(message)


class QueueNotFoundError(MiddayWorkerError):
    """Redis holds no such queue, and no worker is connected to it.

    Attributes:
        queue: the name that was asked for.
        near: those of queues that are like it.
    """

    def __init__(self, queue: str, *, prefix: str, known: Sequence[str], near: Sequence[str]) -> None:
        self.queue = queue
        self.near = tuple(near)
        hint = f"Did you mean {' or '.join(near)}?" if near else ""
        if not known:
            hint = "There is none at all: are REDIS_URL and REDIS_PREFIX right?"
        elif not near:
            hint = f"There are: {', '.join(known[:10])}{', ...' if len(known) > 10 else ''}."
        super().__init__(f"No queue {queue!r} under prefix {prefix!r}. {hint}")
