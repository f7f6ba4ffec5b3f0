"""`LoopChannel`: the wishes of a handler in a thread, fulfilled on the event loop that has the connection to Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeVar

from midday_worker.client.background_loop import refuse_running_loop
from midday_worker.errors import EngineError
from midday_worker.handling.context import JobContext
from midday_worker.handling.sync_context import Children, SyncJob, SyncJobContext
from midday_worker.handling.track import EncodedProgress

T = TypeVar("T")


class LoopChannel:
    """What a plain function's context does, for one attempt. Made on the event loop.

    Args:
        name: the job's name.
        ctx: the attempt's context on the loop.
    """

    def __init__(self, name: str, ctx: JobContext) -> None:
        self._ctx = ctx
        self._loop = asyncio.get_running_loop()
        self._over = False
        self.context = SyncJobContext(sync_job(name, ctx), ctx.logger, self)

    @property
    def cancelled(self) -> bool:
        """Whether the attempt has been told to stop, or is over."""
        return self._over or self._ctx.cancelled

    def close(self) -> None:
        """The attempt is over: a function that goes on in its thread has no effect on the job any more."""
        self._over = True

    def update_progress(self, progress: EncodedProgress) -> None:
        """Store how far the job is. Raises EngineError."""
        self._wait(lambda: self._ctx.update_progress(progress))

    def log(self, row: str) -> None:
        """Add a row to the job's own log. Raises EngineError."""
        self._wait(lambda: self._ctx.log(row))

    def children(self) -> Children:
        """Return the job's children. Raises EngineError."""
        return self._wait(lambda: children_of(self._ctx))

    def _wait(self, act: Callable[[], Coroutine[None, None, T]]) -> T:
        refuse_running_loop()

        async def made() -> T:
            self._refuse_if_over()  # here too, where it can't change before the act
            return await act()

        self._refuse_if_over()  # the loop may be closed
        return asyncio.run_coroutine_threadsafe(made(), self._loop).result()

    def _refuse_if_over(self) -> None:
        if self._over:
            raise EngineError(
                f"This attempt at job {self._ctx.job.id} is over: it was told to stop, and its thread went on. Look at "
                "ctx.cancelled in what takes long."
            )


async def children_of(ctx: JobContext) -> Children:
    """Return the children of a job."""
    results = await ctx.job.getChildrenValues()  # first: a child may complete in between
    return Children(await ctx.job.childrenNames(), results)


def sync_job(name: str, ctx: JobContext) -> SyncJob:
    """Return what a handler without a connection knows of its job."""
    job = ctx.job
    queue = getattr(job, "queue", None)
    return SyncJob(
        id=str(job.id),
        name=name,
        queue=str(getattr(queue, "name", "")),
        data=job.data,
        attempt=int(getattr(job, "attemptsMade", 0)) + 1,
        attempts=int(getattr(job, "attempts", 1)),
    )
