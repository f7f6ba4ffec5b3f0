"""What the worker calls for a job with `executor="process"`: it runs the handler in a child and checks the result."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Concatenate, Final, Generic, TypeAlias, TypeVar, cast

from midday_worker.engine.job.threads import in_thread
from midday_worker.engine.wire.options import version_of
from midday_worker.errors import DefinitionError, ResultError
from midday_worker.handling.context import JobContext
from midday_worker.handling.dependencies import is_asynchronous, needs_of
from midday_worker.handling.loop_channel import LoopChannel, children_of, sync_job
from midday_worker.handling.opened import opened
from midday_worker.handling.sync_context import SyncJobContext
from midday_worker.options.defined_at import DefinedAt
from midday_worker.processes.message import Ask, HandlerCall
from midday_worker.schema.schema import InvalidValue, Schema
from midday_worker.telemetry.tracing import active_tracing

P = TypeVar("P")
R = TypeVar("R")

PlainHandler: TypeAlias = Callable[[P, SyncJobContext], R] | Callable[Concatenate[P, SyncJobContext, ...], R]

MAX_TASKS_PER_CHILD: Final = 1_000
"""How many jobs a process runs before it is replaced, so that what leaks has an end."""


@dataclass(frozen=True, slots=True)
class ProcessHandler(Generic[P, R]):
    """Runs a handler in one of the queue's processes.

    Attributes:
        job: the job's name.
        modules: the modules that may define the job, which the process imports until it has it.
        handler: the handler itself.
        result_schema: what its result is checked with once more in the worker.
        max_tasks_per_child: how many jobs one process runs.
    """

    job: str
    modules: tuple[str, ...]
    handler: PlainHandler[P, R]
    result_schema: Schema[R] | None
    max_tasks_per_child: int

    async def handle(self, payload: P, ctx: JobContext) -> R:
        """Run the handler. In a test without a worker: in a thread of this process."""
        resources = ctx.attempt.resources
        if resources.processes is None:
            return await self._here(payload, ctx)
        job, tracing = sync_job(self.job, ctx), active_tracing()
        call = HandlerCall(
            modules=list(self.modules),
            job=self.job,
            queue=job.queue,
            job_id=job.id,
            data=job.data,
            version=version_of(ctx.job.opts),
            payload=ctx.attempt.payload_text,
            attempt=job.attempt,
            attempts=job.attempts,
            trace=None if tracing is None else tracing.carrier(),
        )
        serve, grace_s = functools.partial(_serve, ctx), resources.grace.clean_up_s
        return self._parsed(await resources.processes.run(call, serve, self.max_tasks_per_child, grace_s))

    async def _here(self, payload: P, ctx: JobContext) -> R:
        channel = LoopChannel(self.job, ctx)
        try:
            async with opened(needs_of(self.handler), in_thread, channel.context, None) as dependencies:
                return await in_thread(cast("Callable[..., R]", self.handler), payload, channel.context, **dependencies)
        finally:
            channel.close()

    def _parsed(self, text: str) -> R:
        value: object = json.loads(text)
        if self.result_schema is None:
            return cast("R", value)
        try:
            return self.result_schema.validate_wire(value)
        except InvalidValue as error:
            raise ResultError(self.job, type(value).__name__, str(error)) from error


def modules_of(handler: Callable[..., object], place: DefinedAt) -> tuple[str, ...]:
    """Return the modules that may define a job: its handler's, what is imported as it is defined, and the call's own.

    A helper of the user's may call `job()`, for handlers of other modules.
    """
    modules = (getattr(handler, "__module__", place.module), place.imported, place.module)
    return tuple(name for name in dict.fromkeys(modules) if name != "__main__")


def check_process_handler(job: str, handler: Callable[..., object], place: DefinedAt) -> None:
    """Raise DefinitionError for a handler that a child can't find or run."""
    where = f"The handler of job {job!r} at {place}"
    if is_asynchronous(handler):
        raise DefinitionError(f'{where} is asynchronous; accepted with executor="process": a plain function.')
    name = getattr(handler, "__qualname__", "")
    if "__main__" in (place.module, getattr(handler, "__module__", "")):
        raise DefinitionError(
            f'{where} is defined in the program that is run (__main__), which executor="process" can\'t import a '
            "second time. Move it to a module, and import that."
        )
    if not name or "<" in name:  # <locals>, <lambda>
        raise DefinitionError(
            f'{where} is {name or repr(handler)}; accepted with executor="process": a function at the top of a module, '
            "where another process finds it."
        )


async def _serve(ctx: JobContext, ask: Ask) -> object:
    match ask["act"]:
        case "progress":
            await ctx.update_progress(cast("float | dict[str, object]", ask["value"]))
        case "log":
            await ctx.log(str(ask["value"]))
        case "children":
            return await children_of(ctx)
        case "place":
            ctx.attempt.place = str(ask["value"])
    return None
