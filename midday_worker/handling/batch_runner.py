"""`BatchRunner`: makes one attempt at many jobs at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Concatenate, Generic, TypeAlias, TypeVar, cast

from loguru import logger

from midday_worker.engine.job.attempt import run_plain
from midday_worker.engine.job.job import Job
from midday_worker.errors import ResultError
from midday_worker.handling.batch_context import BatchContext
from midday_worker.handling.context import JobContext
from midday_worker.handling.dependencies import Need, is_asynchronous, needs_of
from midday_worker.handling.job_runner import JobRunner, attempt_of
from midday_worker.handling.opened import Held, opened
from midday_worker.handling.time_limit import TimeLimit
from midday_worker.options.batch_options import BatchOptions

if TYPE_CHECKING:
    from loguru import Logger
    from sqlalchemy.ext.asyncio import AsyncSession

P = TypeVar("P")
R = TypeVar("R")

BatchHandler: TypeAlias = (
    Callable[[list[P], BatchContext], Awaitable[Sequence[R | Exception]]]
    | Callable[[list[P], BatchContext], Sequence[R | Exception]]
    | Callable[Concatenate[list[P], BatchContext, ...], Awaitable[Sequence[R | Exception]]]
    | Callable[Concatenate[list[P], BatchContext, ...], Sequence[R | Exception]]
)


@dataclass(frozen=True, slots=True)
class BatchRunner(Generic[P, R]):
    """How to run the jobs of a batch.

    Attributes:
        one: runs one of them by itself; checks payloads and results.
        handler: what is called with the payloads of a batch.
        options: how large a batch may be, and how long it is collected.
    """

    one: JobRunner[P, R]
    handler: BatchHandler[P, R]
    options: BatchOptions
    needs: tuple[Need, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "needs", needs_of(self.handler))

    async def run(
        self,
        jobs: Sequence[Job],
        payloads: list[P],
        db: AsyncSession,
        timeout_ms: int | None,
        held: Held | None = None,
    ) -> list[str | Exception]:
        """Call the handler once, and return what each job is to end with: its result as JSON text, or an error.

        Raises:
            ResultError: the handler returned something else than a result for each payload.
            JobTimeoutError: it took longer than `timeout_ms`.
        """
        attempts = tuple(map(attempt_of, jobs))
        context = BatchContext(tuple(jobs), db, self.logger(jobs), attempts)
        if timeout_ms is None:
            returned = await self._call(payloads, context, held)
        else:
            with TimeLimit(self.one.name, timeout_ms, attempts, self.handler, context):
                returned = await self._call(payloads, context, held)
        return [self._ending(item) for item in returned]

    def logger(self, jobs: Sequence[Job]) -> Logger:
        """Return a logger whose lines say which batch they belong to."""
        return logger.bind(**self.fields(jobs))

    def fields(self, jobs: Sequence[Job]) -> dict[str, object]:
        """Return what each line of a batch's log has."""
        attempt = jobs[0].attemptsMade + 1
        return {"job_id": batch_id(jobs), "job": self.one.name, "queue": self.one.queue, "attempt": attempt}

    def _ending(self, item: R | Exception) -> str | Exception:
        if isinstance(item, Exception):
            return item
        try:
            return self.one.dump_text(self.one.checked(item))
        except ResultError as error:
            return error

    async def _call(
        self, payloads: list[P], context: BatchContext, held: Held | None = None
    ) -> Sequence[R | Exception]:
        expected = len(payloads)  # the handler may change its list
        if self.needs:
            async with opened(self.needs, context.attempts[0].resources.run_plain, context, held) as dependencies:
                returned = await self._called(payloads, context, dependencies)
        else:
            returned = await self._called(payloads, context, {})
        items = cast("Sequence[R | Exception]", returned) if isinstance(returned, list | tuple) else None
        if items is not None and len(items) == expected:
            return items
        type_name = type(returned).__name__  # pyright: ignore[reportUnknownArgumentType] - of a list, what is in it
        raise ResultError(
            self.one.name,
            type_name,
            f"{'it is no list' if items is None else f'it has {len(items)} items for {expected} payloads'}; a batch "
            "handler returns one result or exception for each payload, in their order",
        )

    async def _called(self, payloads: list[P], context: BatchContext, dependencies: Mapping[str, object]) -> object:
        handler = cast("Callable[..., object]", self.handler)
        if is_asynchronous(handler):
            return await cast("Awaitable[object]", handler(payloads, context, **dependencies))
        return await run_plain(context.attempts, handler, payloads, context, **dependencies)

    async def run_one(self, data: P, ctx: JobContext) -> R:
        """Run a batch of one: what `execute()` and `run_job()` do."""
        (item,) = await self._call([data], BatchContext((ctx.job,), ctx.db, ctx.logger, (ctx.attempt,)))
        if isinstance(item, Exception):
            raise item
        return item


def batch_id(jobs: Sequence[Job]) -> str:
    """Return what stands for the jobs of a batch in a log: the first one's id, and how many others there are."""
    return jobs[0].id if len(jobs) == 1 else f"{jobs[0].id} and {len(jobs) - 1} more"
