"""`BatchStop`: what a time limit tells of a batch, it tells every job in it."""

from __future__ import annotations

from collections.abc import Sequence

from midday_worker.engine.interruption import Grace, grace_of
from midday_worker.engine.job import Job


class BatchStop:
    """Stands for the jobs of a batch where one job is to be told that its time is over."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._jobs = jobs

    @property
    def grace(self) -> Grace:
        """How long the handler may take to stop."""
        return grace_of(self._jobs[0])

    @property
    def cancelled(self) -> bool:
        """Whether they were told."""
        return all(job.cancelled for job in self._jobs)

    @cancelled.setter
    def cancelled(self, cancelled: bool) -> None:
        for job in self._jobs:
            job.cancelled = cancelled

    def tell(self) -> None:
        """Tell them."""
        self.cancelled = True

    def give_up(self, error: Exception) -> None:
        """Let them fail although their handler doesn't end."""
        for job in self._jobs:
            job.give_up(error)
