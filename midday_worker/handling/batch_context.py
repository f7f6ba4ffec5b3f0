"""`BatchContext`: what a batch handler is given beside its payloads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from midday_worker.engine.job.attempt import Attempt
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
        attempts: what the worker keeps of the attempts at these jobs.
    """

    jobs: tuple[Job, ...]
    db: AsyncSession
    logger: Logger
    attempts: tuple[Attempt, ...] = field(default=(), repr=False)

    @property
    def cancelled(self) -> bool:
        """Whether every job of the batch has been told to stop."""
        # A context of a test's own making has no attempts: then its fakes of jobs say so, or not.
        return all(bool(getattr(one, "cancelled", False)) for one in self.attempts or self.jobs)
