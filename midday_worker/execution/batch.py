"""One batch: jobs that came together, and the one call of their handler."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextvars import Context
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, TypeVar

from midday_worker.databases import Database, session_scope
from midday_worker.engine.job.job import Job
from midday_worker.handling.batch_runner import BatchRunner
from midday_worker.handling.opened import Held
from midday_worker.settings.logs import running_job
from midday_worker.telemetry.tracing import active_tracing

P = TypeVar("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class BatchFailure:
    """What a job is to fail with. `trace` is the error's own: one error may be that of many jobs."""

    error: BaseException
    trace: TracebackType | None


@dataclass(frozen=True, slots=True, eq=False)
class BatchMember(Generic[P]):
    """A job in a batch; `ending` is its result as JSON text, or how it fails, and cancelled once it has dropped out."""

    job: Job
    payload: P
    timeout_ms: int | None
    ending: asyncio.Future[str | BatchFailure]


class Batch(Generic[P, R]):
    """Collects jobs of one definition until `start`, then calls its handler once.

    Args:
        runner: runs the batch.
        database: where the batch's session goes; None if none is configured.
        held: what handlers depend on and the worker holds for them.
    """

    def __init__(self, runner: BatchRunner[P, R], database: Database | None, held: Held | None = None) -> None:
        self._runner = runner
        self._held = held
        self._scope = session_scope(database)
        self._members: list[BatchMember[P]] = []
        self._call: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._members)

    def add(self, job: Job, payload: P, timeout_ms: int | None) -> BatchMember[P]:
        """Take in a job."""
        job.attempt.release = self._scope.give_up
        member = BatchMember(job, payload, timeout_ms, asyncio.get_running_loop().create_future())
        self._members.append(member)
        return member

    async def end(self, member: BatchMember[P]) -> str:
        """Wait until the batch has run; return this job's result as JSON text, or raise its error.

        A job that is cancelled meanwhile drops out. The handler goes on for the others; when all have dropped out
        it is cancelled too, and its session is rolled back before this raises.
        """
        try:
            ending = await member.ending
        except asyncio.CancelledError:
            member.job.attempt.tell()
            await self._drop(member)
            raise
        if isinstance(ending, str):
            return ending
        raise ending.error.with_traceback(ending.trace)

    def start(self, context: Context) -> None:
        """Call the handler with those that are still there, in a context that is none of theirs."""
        if self._members:
            if (tracing := active_tracing()) is not None:  # below one of them
                tracing.continue_in(context)
            self._call = asyncio.create_task(self._run(tuple(self._members)), context=context)

    async def _drop(self, member: BatchMember[P]) -> None:
        self._members.remove(member)
        if self._call is not None and not self._members and not self._call.done():
            self._call.cancel()
            try:
                await asyncio.wait({self._call})
            except asyncio.CancelledError:  # it doesn't end, and isn't waited for any longer
                await self._scope.give_up()
                raise

    async def _run(self, members: Sequence[BatchMember[P]]) -> None:
        jobs = [member.job for member in members]
        running_job.set(self._runner.fields(jobs))
        try:
            endings = await self._endings(members, jobs)
        except BaseException as error:  # whatever it is, as of a single job: the jobs fail, each by its own retries
            endings = [BatchFailure(error, error.__traceback__)] * len(members)
        for member, ending in zip(members, endings, strict=True):
            if not member.ending.done():
                member.ending.set_result(ending)

    async def _endings(self, members: Sequence[BatchMember[P]], jobs: Sequence[Job]) -> list[str | BatchFailure]:
        limits = [member.timeout_ms for member in members if member.timeout_ms is not None]
        payloads = [member.payload for member in members]
        # The results are dumped within the session, which is committed before any job completes.
        async with self._scope as session:
            endings = await self._runner.run(jobs, payloads, session, min(limits, default=None), self._held)
            _leave_handler(members)
        return [item if isinstance(item, str) else BatchFailure(item, item.__traceback__) for item in endings]


def _leave_handler(members: Sequence[BatchMember[P]]) -> None:
    """Shield what follows from stops: to be run again after the commit is worse for a job than to wait for it."""
    left = [member.job for member in members if not member.ending.done()]
    if not left:  # all were told to stop as the handler returned
        raise asyncio.CancelledError
    for job in left:
        job.attempt.leave_handler()
