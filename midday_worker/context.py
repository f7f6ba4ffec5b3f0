"""`JobContext`: what a handler is given beside its payload."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from midday_worker.engine.job import Job
from midday_worker.errors import NonRetryableError
from midday_worker.schema import ResultSource

if TYPE_CHECKING:
    from loguru import Logger
    from sqlalchemy.ext.asyncio import AsyncSession

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class JobContext:
    """The job, the database and the log of one attempt.

    Attributes:
        job: the BullMQ job: `id`, `data`, `opts`, `attemptsMade`, `await job.updateProgress(50)`,
            `await job.getChildrenValues()` and so on.
        db: an SQLAlchemy session, opened on first use, committed when the handler succeeds, rolled back when it
            fails or times out. Without a database its use raises DatabaseNotConfiguredError.
        logger: loguru's, bound with job id, job, queue and attempt.
    """

    job: Job
    db: AsyncSession
    logger: Logger

    async def update_progress(self, progress: float | dict[str, object]) -> None:
        """Store how far the job is: a number, by custom a percentage, or an object; as `Job.updateProgress`."""
        await self.job.updateProgress(progress)

    async def log(self, row: str) -> None:
        """Add a line to the job's own log in Redis, which Node and dashboards read; as `Job.log`."""
        await self.job.log(row)

    async def children_values(self) -> dict[str, object]:
        """Return the results of the children that completed, by the child's key `prefix:queue:id`."""
        return await self.job.getChildrenValues()

    async def children_results(self, child: ResultSource[R]) -> list[R]:
        """Return the typed results of those children that are jobs of this definition, in no order.

        Raises:
            NonRetryableError: a completed child has been removed, so its name isn't known any more.

        >>> async def ship(data: object, ctx: JobContext, pack: ResultSource[int]) -> int:
        ...     return sum(await ctx.children_results(pack))
        """
        names = await self.job.childrenNames()
        values = await self.job.getChildrenValues()
        gone = sorted(values.keys() - names.keys())
        if gone:
            raise NonRetryableError(
                f"Whose result {gone[0]} holds can't be told: that child was removed when it completed. "
                "Keep children until their parent has run (remove_on_complete), or use ctx.children_values()."
            )
        return [child.parse_result(value) for key, value in values.items() if names[key] == child.id]

    @property
    def cancelled(self) -> bool:
        """Whether this attempt has been told to stop."""
        return bool(getattr(self.job, "cancelled", False))
