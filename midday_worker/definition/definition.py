"""`JobDefinition`: a job's name, schema, handler and options; with all ways to trigger it, and to execute it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias, TypeVar

from midday_worker.database import given_session
from midday_worker.definition.bulk import BulkTriggers
from midday_worker.definition.sync_triggers import SyncTriggers
from midday_worker.handling.attempt import Attempt, ExecutableJob
from midday_worker.handling.context import JobContext
from midday_worker.handling.hooks import Hooks
from midday_worker.handling.process_handler import ProcessHandler
from midday_worker.handling.sync_context import SyncJobContext
from midday_worker.options import CheckedOptions
from midday_worker.queues import QueueRegistry
from midday_worker.schema.schema import Schema

P = TypeVar("P")
R = TypeVar("R")

Handler: TypeAlias = Callable[[P, JobContext], Awaitable[R]] | Callable[[P, SyncJobContext], R]


class JobDefinition(BulkTriggers[P, R]):
    """A job that can be triggered and executed. Made by `job()`.

    Attributes:
        id: the job's name, in BullMQ's words.
        queue: the name of its queue.
        schema: its payload's schema.
        result_schema: its result's, or None when the handler declares none.
        defined_at: file and line.
        hooks: what is told how its jobs fare, see `Hooks`.
    """

    def __init__(
        self,
        name: str,
        schema: Schema[P],
        result_schema: Schema[R] | None,
        handler: Handler[P, R],
        *,
        queue: str,
        options: CheckedOptions,
        queues: QueueRegistry,
        defined_at: str,
        process: ProcessHandler[P, R] | None = None,
    ) -> None:
        super().__init__(name, schema, result_schema, queue=queue, options=options, queues=queues)
        self.handler = handler
        self.defined_at = defined_at
        self.hooks: Hooks[P, R] = Hooks()
        called = handler if process is None else process.handle
        self.attempt: Attempt[P, R] = Attempt(name, queue, schema, result_schema, called, handler)

    @property
    def sync(self) -> SyncTriggers[P, R]:
        """The same triggers, blocking, for programs without an event loop; see `JobClient.sync`."""
        return SyncTriggers(self)

    def __repr__(self) -> str:
        return f"JobDefinition({self.id!r}, queue={self.queue!r})"

    async def execute(self, job: ExecutableJob, db: object = None) -> R:
        """Run the handler on a job without Redis: to test it, with a plain fake for the job and any database.

        Args:
            job: anything with `id`, `data` and `updateProgress`.
            db: what the handler finds as `ctx.db`. It is neither committed nor closed here.

        Returns:
            The handler's validated result.
        """
        return await self.attempt.run(job, given_session(db), self.options.timeout)
