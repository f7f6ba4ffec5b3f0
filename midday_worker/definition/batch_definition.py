"""`BatchDefinition`: a job whose handler is given many payloads at once."""

from __future__ import annotations

from typing import TypeVar

from typing_extensions import Unpack

from midday_worker.definition.declared import Declared
from midday_worker.definition.definition import JobDefinition
from midday_worker.handling.batch_runner import BatchHandler, BatchRunner
from midday_worker.handling.context import JobContext
from midday_worker.options.batch_options import BatchOptions
from midday_worker.schema.schema import Schema

P = TypeVar("P")
R = TypeVar("R")


class BatchDefinition(JobDefinition[P, R]):
    """A job that is triggered one by one and handled in batches. Made by `job(..., batch=BatchOptions(...))`.

    Attributes:
        batch: how large a batch may be, and how long it is collected.
    """

    def __init__(
        self,
        name: str,
        schema: Schema[P],
        result_schema: Schema[R] | None,
        handler: BatchHandler[P, R],
        batch: BatchOptions,
        **declared: Unpack[Declared],
    ) -> None:
        super().__init__(name, schema, result_schema, self._run_one, **declared)
        self.batch = batch
        self._batch_runner = BatchRunner(self.runner, handler, batch)

    @property
    def batch_runner(self) -> BatchRunner[P, R]:
        """What runs its jobs together."""
        return self._batch_runner

    @property
    def batch_size(self) -> int:
        """How many jobs its handler is given at once, at most."""
        return self.batch.max_size

    async def _run_one(self, data: P, ctx: JobContext) -> R:
        return await self._batch_runner.run_one(data, ctx)
