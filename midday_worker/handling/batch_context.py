"""`BatchContext`: what a batch handler is given beside its payloads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from midday_worker.engine.job.interruption import Grace, grace_of
from midday_worker.engine.job.job import Job

if TYPE_CHECKING:
    from loguru import Logger
    from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True, slots=True)
class BatchContext:
    """The jobs, the database and the log of one batch.

    Attributes:
        jobs: the BullMQ jobs, in the order of the payloads; each has its own `id`, `attemptsMade`, `updateProgress`.
        db: one session for all of them, committed once when the handler has returned, also when it has returned
            exceptions for some; rolled back when it raises or times out.
        logger: loguru's, bound with job, queue, the first job's id and how many others there are.
    """

    jobs: tuple[Job, ...]
    db: AsyncSession
    logger: Logger

    @property
    def cancelled(self) -> bool:
        """Whether every job of the batch has been told to stop."""
        return all(bool(getattr(job, "cancelled", False)) for job in self.jobs)


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
        """Fail them although their handler doesn't end."""
        for job in self._jobs:
            job.give_up(error)
