"""`BatchDefinition`: a job whose handler is given many payloads at once."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast

from loguru import logger

from midday_worker.definition.definition import JobDefinition
from midday_worker.engine.job.attempt import tell_all
from midday_worker.engine.job.job import Job
from midday_worker.engine.job.threads import heard_out, in_thread
from midday_worker.errors import OptionError, ResultError
from midday_worker.handling.attempt import attempt_of
from midday_worker.handling.batch_context import BatchContext
from midday_worker.handling.context import JobContext
from midday_worker.handling.handler_signature import is_asynchronous
from midday_worker.handling.time_limit import TimeLimit
from midday_worker.options import CheckedOptions
from midday_worker.queues import QueueRegistry
from midday_worker.schema.schema import Schema
from midday_worker.settings.durations import Duration, to_milliseconds

if TYPE_CHECKING:
    from loguru import Logger
    from sqlalchemy.ext.asyncio import AsyncSession

P = TypeVar("P")
R = TypeVar("R")

BatchHandler: TypeAlias = (
    Callable[[list[P], BatchContext], Awaitable[Sequence[R | Exception]]]
    | Callable[[list[P], BatchContext], Sequence[R | Exception]]
)


class BatchDefinition(JobDefinition[P, R]):
    """A job that is triggered one by one and handled in batches. Made by `job(..., batch=BatchOptions(...))`.

    Attributes:
        batch: how large a batch may be, and how long it is collected.
        batch_handler: what is called with the payloads of a batch.
    """

    def __init__(
        self,
        name: str,
        schema: Schema[P],
        result_schema: Schema[R] | None,
        handler: BatchHandler[P, R],
        batch: BatchOptions,
        *,
        queue: str,
        options: CheckedOptions,
        queues: QueueRegistry,
        defined_at: str,
    ) -> None:
        super().__init__(
            name,
            schema,
            result_schema,
            self._handle_one,
            queue=queue,
            options=options,
            queues=queues,
            defined_at=defined_at,
        )
        self.batch = batch
        self.batch_handler = handler

    async def run(
        self, jobs: Sequence[Job], payloads: list[P], db: AsyncSession, timeout_ms: int | None
    ) -> list[str | Exception]:
        """Call the handler once, and return what each job is to end with: its result as JSON text, or an error.

        Raises:
            ResultError: the handler returned something else than a result for each payload.
            JobTimeoutError: it took longer than `timeout_ms`.
        """
        attempts = tuple(map(attempt_of, jobs))
        context = BatchContext(tuple(jobs), db, self.logger(jobs), attempts)
        if timeout_ms is None:
            returned = await self._call(payloads, context)
        else:
            with TimeLimit(self.id, timeout_ms, attempts, self.batch_handler, context):
                returned = await self._call(payloads, context)
        return [self._ending(item) for item in returned]

    def logger(self, jobs: Sequence[Job]) -> Logger:
        """Return a logger whose lines say which batch they belong to."""
        return logger.bind(**self.fields(jobs))

    def fields(self, jobs: Sequence[Job]) -> dict[str, object]:
        """Return what each line of a batch's log has."""
        attempt = getattr(jobs[0], "attemptsMade", 0) + 1
        return {"job_id": batch_id(jobs), "job": self.id, "queue": self.queue, "attempt": attempt}

    def _ending(self, item: R | Exception) -> str | Exception:
        if isinstance(item, Exception):
            return item
        try:
            return self.attempt.dump_text(self.attempt.checked(item))
        except ResultError as error:
            return error

    async def _call(self, payloads: list[P], context: BatchContext) -> Sequence[R | Exception]:
        expected = len(payloads)  # the handler may change its list
        returned = await self._called(payloads, context)
        items = cast("Sequence[R | Exception]", returned) if isinstance(returned, list | tuple) else None
        if items is not None and len(items) == expected:
            return items
        type_name = type(returned).__name__  # pyright: ignore[reportUnknownArgumentType] - of a list, what is in it
        raise ResultError(
            self.id,
            type_name,
            f"{'it is no list' if items is None else f'it has {len(items)} items for {expected} payloads'}; a batch "
            "handler returns one result or exception for each payload, in their order",
        )

    async def _called(self, payloads: list[P], context: BatchContext) -> object:
        if is_asynchronous(self.batch_handler):
            return await cast("Awaitable[object]", self.batch_handler(payloads, context))
        resources = context.attempts[0].resources
        run = in_thread if resources.threads is None else resources.threads.run
        call = run(cast("Callable[..., object]", self.batch_handler), payloads, context)
        outcome: object = await heard_out(call, partial(tell_all, context.attempts), resources.grace.clean_up_s)
        return await cast("Awaitable[object]", outcome) if inspect.isawaitable(outcome) else outcome

    async def _handle_one(self, data: P, ctx: JobContext) -> R:
        """Handle a batch of one: what `execute()` and `run_job()` do."""
        (item,) = await self._call([data], BatchContext((ctx.job,), ctx.db, ctx.logger, (ctx.attempt,)))
        if isinstance(item, Exception):
            raise item
        return item


def batch_id(jobs: Sequence[Job]) -> str:
    """Return what stands for the jobs of a batch in a log: the first one's id, and how many others there are."""
    return jobs[0].id if len(jobs) == 1 else f"{jobs[0].id} and {len(jobs) - 1} more"


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """A batch is handled when `max_size` jobs have come together, or `max_wait` after the first of them.

    The jobs of a batch run at once, so the concurrency of their queue is at least `max_size` in each worker process.

    >>> BatchOptions(max_size=50, max_wait="1s").max_wait_ms
    1000
    """

    max_size: int = 100
    max_wait: Duration = "50ms"

    def __post_init__(self) -> None:
        if isinstance(self.max_size, bool) or not isinstance(self.max_size, int) or self.max_size < 1:  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
            raise OptionError(
                "batch", f"BatchOptions.max_size is {self.max_size!r}; accepted: an integer of 1 or more."
            )
        to_milliseconds(self.max_wait, "BatchOptions.max_wait")

    @property
    def max_wait_ms(self) -> int:
        """How long the first job waits for others, in milliseconds."""
        return to_milliseconds(self.max_wait, "BatchOptions.max_wait")
