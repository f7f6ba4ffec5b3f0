"""What a queue, or the run of a schedule, is not in the state for."""

from __future__ import annotations

from midday_worker.errors.outcome import JobStateError
from midday_worker.errors.root import MiddayWorkerError


class ScheduledRunError(JobStateError):
    """A job is the next run of a schedule, which could never fire again without it.

    `schedule_id` names the schedule: remove that instead.
    """

    def __init__(self, *, job_id: str, queue: str, schedule_id: str) -> None:
        self.schedule_id = schedule_id
        why = f"It is the next run of schedule {schedule_id!r}: remove the schedule, or let it run."
        super().__init__(act="removed", job_id=job_id, queue=queue, state="delayed", allowed=(), why=why)


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
