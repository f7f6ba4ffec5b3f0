"""One queue seen from a producer: adding jobs, alone, in bulk and as flows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Final, TypeVar, cast
from uuid import uuid4

import bullmq
from bullmq.event_emitter import EventEmitter

from midday_worker.engine.backend import Backend
from midday_worker.engine.connection import Connection
from midday_worker.engine.failure import reason_of
from midday_worker.engine.job import Job
from midday_worker.engine.translation import UNREACHABLE, Writing, bounded, is_unreachable, was_never_sent
from midday_worker.engine.wire import WireOptions, encode_request
from midday_worker.errors import EnqueueError
from midday_worker.request import JobRequest

T = TypeVar("T")

BULK: Final = 1_000
"""How many jobs go to Redis in one round trip."""

_ERRORS: Final = {
    -5: "its parent job doesn't exist",
    -7: "its parent can't be replaced: the job already belongs to another one",
}


class Queue(bullmq.Queue):
    """A queue on a shared connection."""

    def __init__(self, name: str, connection: Connection, prefix: str) -> None:
        # Not bullmq.Queue's __init__: it would open a connection for each queue.
        EventEmitter.__init__(self)
        self.name = name
        self.opts = {"prefix": prefix}
        self.jobsOpts = {}
        self.prefix = prefix
        self.backend = Backend(name, connection, prefix)
        self.redisConnection = connection
        self.client = self.backend.conn
        self.scripts = self.backend.scripts
        self.keys = self.backend.keys
        self.qualifiedName = self.backend.qualifiedName
        self._job_scheduler = None
        self._timeout_s = connection.command_timeout_s

    def bounded(self, action: str, writing: Writing | None = None) -> AbstractAsyncContextManager[None]:
        """Return a block whose commands may take the command timeout in all, and raise this library's errors."""
        return bounded(self._timeout_s, action, writing)

    async def add_request(self, request: JobRequest) -> str:
        """Add one job and return its id; the id of the job that stands for it, if it was a duplicate.

        The id is made here, so an add that is sent again after a lost reply makes one job, not two.

        Raises:
            RedisUnavailableError: Redis can't be reached; it says whether the job may have been written.
            EnqueueError: the engine refused the job.
        """
        job = make_job(self, request)
        async with self.bounded(f"add a job to queue {self.name}", Writing(ids=[job.id])):
            added = await _sent(partial(self.backend.addJob, job), [job])
        return checked_id(added, job)

    async def add_requests(self, requests: Sequence[JobRequest]) -> list[str]:
        """Add many jobs, 1,000 in a round trip, each 1,000 in one transaction; return their ids in order.

        Each 1,000 may take the command timeout; an error names the ids of those that were added before it.
        """
        ids: list[str] = []
        for start in range(0, len(requests), BULK):
            jobs = [make_job(self, request) for request in requests[start : start + BULK]]
            action = f"add {len(jobs)} jobs to queue {self.name}"
            async with self.bounded(action, Writing(ids=[job.id for job in jobs], before=ids)):
                answers = await _sent(partial(self.backend.addJobs, jobs), jobs)
            ids += [checked_id(answer, job) for job, answer in zip(jobs, answers, strict=True)]
            await asyncio.sleep(0)
        return ids

    async def find(self, job_id: str) -> Job | None:
        """Return the job, or None if Redis doesn't hold it."""
        async with self.bounded(f"read job {job_id} of queue {self.name}"):
            raw = await self.backend.getJobData(job_id)
        return Job.from_raw(self, raw, job_id) if raw else None

    async def getJobs(self, types: Sequence[str], start: int = 0, end: int = -1, asc: bool = False) -> list[bullmq.Job]:
        """As `read_jobs`; BullMQ's name for it."""
        return list(await self.read_jobs(types, start, end, asc=asc))

    async def read_jobs(self, types: Sequence[str], start: int, end: int, *, asc: bool = False) -> list[Job]:
        """Return the jobs of these states. One that can't be read says so, instead of hiding its whole page."""
        states = self.sanitizeJobTypes(types)
        ids = list(dict.fromkeys(map(str, await self.backend.getRanges(states, start, end, asc))))
        # Each for itself, as BullMQ's one script for them all stops at a key that is no hash.
        async with self.client.pipeline(transaction=False) as pipe:
            for job_id in ids:
                pipe.hgetall(self.toKey(job_id))
            hashes = cast("list[dict[str, str] | Exception]", await pipe.execute(raise_on_error=False))
        return [self._read(job_id, stored) for job_id, stored in zip(ids, hashes, strict=True)]

    def _read(self, job_id: str, stored: dict[str, str] | Exception) -> Job:
        if not isinstance(stored, Exception):
            return Job.from_raw(self, stored, job_id)
        job = Job.from_raw(self, {}, job_id)
        job.unreadable = f"What is stored in the job's place can't be read: {reason_of(stored)}"
        return job


async def _sent(add: Callable[[], Awaitable[T]], jobs: Sequence[Job]) -> T:
    """Add jobs, once more if the reply was lost and none can be made twice by it."""
    try:
        return await add()
    except UNREACHABLE as error:
        if not is_unreachable(error) or was_never_sent(error) or not all(map(_is_safe_to_repeat, jobs)):
            raise
        try:
            return await add()
        except UNREACHABLE:
            raise error from None  # the first error tells that the jobs may have been written


def _is_safe_to_repeat(job: Job) -> bool:
    # Lua's add does nothing if the id exists. But a job that is removed as it completes may be gone already, and a
    # deduplicated one has no key of its own.
    return job.deduplication_id is None and job.opts.get("removeOnComplete") is not True


def make_job(queue: bullmq.Queue, request: JobRequest, extra: WireOptions | None = None) -> Job:
    """Return the engine's job for a request, with an id."""
    job_id = request.options.job_id or str(uuid4())
    return Job(queue, request.name, request.data, {**encode_request(request), **(extra or {})}, job_id)


def checked_id(answer: object, job: Job) -> str:
    """Return the id that Lua answered. Raises EnqueueError for an error's code, which the port returns as an id."""
    if isinstance(answer, int) and answer < 0:
        why = _ERRORS.get(answer, f"the engine answered {answer}")
        raise EnqueueError(f"Job {job.name!r} was not added: {why}.", job=job.name, job_id=job.id)
    return str(answer)
