"""`Collector`: brings together the jobs of batch handlers that one worker process runs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TypeVar, cast

from midday_worker.databases import Database
from midday_worker.engine.job.fresh_context import FreshContext
from midday_worker.execution.batch import Batch
from midday_worker.handling.attempt_call import AttemptCall
from midday_worker.handling.batch_runner import BatchRunner
from midday_worker.handling.opened import Held

P = TypeVar("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, eq=False)
class _Open:
    batch: Batch[object, object]
    timer: asyncio.TimerHandle


class Collector:
    """Collects each definition's jobs, and lets a batch run when it is full or its time is over.

    Args:
        database: where the batches' sessions go; None if none is configured.
        held: what handlers depend on and the worker holds for them.
    """

    def __init__(self, database: Database | None, held: Held | None = None) -> None:
        self._database = database
        self._held = held
        self._contexts = FreshContext()
        self._open: dict[str, _Open] = {}
        self._closed = False

    async def run(self, runner: BatchRunner[P, R], call: AttemptCall[P]) -> str:
        """Run a job with those that come within the time; return its result as JSON text, or raise its error.

        Raises:
            PayloadError: the stored payload doesn't match the schema. The job joins no batch.
            JobCancelledError: the job was told to stop before it could join one.
        """
        attempt = call.job.attempt
        attempt.enter_handler()
        try:
            result = await self._join(runner, call)
        except BaseException as error:
            attempt.leave_handler(error)
            raise
        attempt.leave_handler()
        return result

    async def _join(self, runner: BatchRunner[P, R], call: AttemptCall[P]) -> str:
        payload = call.payload
        batch = self._batch(runner)
        member = batch.add(call.job, payload, call.job.attempt.timeout_ms)
        if len(batch) >= runner.options.max_size:
            self._start(runner.one.name)
        return await batch.end(member)

    def close(self) -> None:
        """Run at once what has been collected, and let no later job wait for others."""
        self._closed = True
        for name in list(self._open):
            self._start(name)

    def _batch(self, runner: BatchRunner[P, R]) -> Batch[P, R]:
        known = self._open.get(runner.one.name)
        if known is None:
            wait_s = 0 if self._closed else runner.options.max_wait_ms / 1000
            timer = asyncio.get_running_loop().call_later(wait_s, self._start, runner.one.name)
            made = cast("Batch[object, object]", Batch(runner, self._database, self._held))
            known = self._open[runner.one.name] = _Open(made, timer)
        return cast("Batch[P, R]", known.batch)

    def _start(self, name: str) -> None:
        opened = self._open.pop(name)
        opened.timer.cancel()
        opened.batch.start(self._contexts.make())
