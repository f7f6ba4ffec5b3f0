"""`JobContext`: what a handler is given beside its payload."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, overload

from midday_worker.engine.job.attempt import Attempt
from midday_worker.engine.job.job import Job
from midday_worker.handling.children import results_of
from midday_worker.handling.track import Track, encode_progress
from midday_worker.request import JobSource

if TYPE_CHECKING:
    from loguru import Logger
    from pydantic import BaseModel
    from sqlalchemy.ext.asyncio import AsyncSession

R = TypeVar("R")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class JobContext:
    """The job, the database and the log of one attempt, for an `async def` handler; see `SyncJobContext` for others.

    What goes to Redis waits while that is away, until the attempt is told to stop; see `Job.updateProgress`.

    Attributes:
        job: the BullMQ job: `id`, `data`, `opts`, `attemptsMade`, `await job.updateProgress(50)`,
            `await job.getChildrenValues()` and so on.
        db: an SQLAlchemy session, opened on first use, committed when the handler succeeds, rolled back when it
            fails or times out; used after that it raises SessionEndedError. Without a database its use raises
            DatabaseNotConfiguredError.
        logger: loguru's, bound with job id, job, queue and attempt.
        attempt: what the worker keeps of this attempt; a handler needs no more of it than `cancelled`.
    """

    job: Job
    db: AsyncSession
    logger: Logger
    attempt: Attempt = field(default_factory=Attempt, repr=False)

    async def update_progress(self, progress: float | Mapping[str, object] | BaseModel) -> None:
        """Store how far the job is: a number, by custom a percentage, or an object; as `Job.updateProgress`.

        While Redis is away it waits, and is dropped if a newer progress comes.

        Raises:
            InvalidInputError: it can't be written as JSON.
        """
        await self.job.updateProgress(encode_progress(progress))

    @overload
    def track(self, rows: Iterable[T], total: int | None = None, *, per_second: float = 4) -> AsyncIterator[T]: ...
    @overload
    def track(self, rows: AsyncIterable[T], total: int | None = None, *, per_second: float = 4) -> AsyncIterator[T]: ...
    def track(
        self, rows: Iterable[T] | AsyncIterable[T], total: int | None = None, *, per_second: float = 4
    ) -> AsyncIterator[T]:
        """Iterate over rows, and store as progress how many percent of them are done.

        A row is done when the next one is asked for. The first row is stored at once, the end always, those between
        at most `per_second` times a second. Without a total, it is `{"done": 7}` until the end, which is 100.

        Args:
            rows: a plain or an asynchronous iterable.
            total: how many there are; not needed for a list, or whatever else has a length.
            per_second: how often progress is stored at most.

        >>> async def import_rows(data: list[str], ctx: JobContext) -> None:
        ...     async for row in ctx.track(data):
        ...         print(row)
        """
        return Track(rows, total, self.update_progress, per_second)

    async def log(self, row: str) -> None:
        """Add a row to the job's own log in Redis, which Node and dashboards read; as `Job.log`.

        Its newest rows are kept, as many as the option `keep_logs` says. While Redis is away it waits; a reply that was
        lost then doubles no row, but of a row and the same one right before it, one may be missing.
        """
        await self.job.log(row)

    async def children_values(self) -> dict[str, object]:
        """Return the results of the children that completed, by the child's key `prefix:queue:id`."""
        return await self.job.getChildrenValues()

    async def children_results(self, child: JobSource[R]) -> list[R]:
        """Return the typed results of those children that are jobs of this definition, in no order.

        Raises:
            NonRetryableError: a child that was added elsewhere, as by Node, has been removed, so its name isn't known.

        >>> async def ship(data: object, ctx: JobContext, pack: JobSource[int]) -> int:
        ...     return sum(await ctx.children_results(pack))
        """
        values = await self.job.getChildrenValues()  # first: a child may complete in between
        return results_of(child, await self.job.childrenNames(), values)

    @property
    def cancelled(self) -> bool:
        """Whether this attempt has been told to stop."""
        # A test's fake of a job may say so itself, and is told nothing.
        return self.attempt.cancelled or bool(getattr(self.job, "cancelled", False))
