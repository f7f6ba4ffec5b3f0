"""One queue seen from a producer: adding jobs, alone, in bulk and as flows."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial
from typing import Final, TypeAlias, TypeVar, cast

import bullmq
from bullmq.event_emitter import EventEmitter
from redis.exceptions import NoScriptError, RedisError
from redis.typing import EncodableT

from midday_worker.engine.job.job import Job
from midday_worker.engine.producer.add_commands import Addition, Additions
from midday_worker.engine.producer.add_transaction import AddTransaction, failure_of
from midday_worker.engine.producer.answer import checked_id
from midday_worker.engine.producer.backend import Backend
from midday_worker.engine.redis.connection import Connection, absent_key, read_together
from midday_worker.engine.redis.error_translation import (
    UNREACHABLE,
    Writing,
    bounded,
    is_unreachable,
    translated,
    was_never_sent,
)
from midday_worker.engine.transport import UNDONE, NeverSentTimeoutError, PipelinedRedis
from midday_worker.engine.wire.failure import reason_of
from midday_worker.errors import NotReplicatedError
from midday_worker.request import JobRequest

T = TypeVar("T")

BULK: Final = 1_000
"""How many jobs go to Redis in one round trip."""

UNDER_WAY: Final = 3
"""How many such round trips may be under way at once."""

Progress: TypeAlias = Callable[[int, int], None]
"""Called with how many were added, and how many there are."""


class Queue(bullmq.Queue):
    """A queue on a shared connection."""

    def __init__(self, name: str, connection: Connection, prefix: str) -> None:
        # Not bullmq.Queue's __init__: it takes a client and no backend. It would make a connection and a backend of its
        # own around that, reading 35 scripts from disk for each queue, only to have them replaced by ours.
        EventEmitter.__init__(self)
        self.name = name
        self.opts = {"prefix": prefix}
        self.jobsOpts = {}
        self.prefix = prefix
        self.backend = self.own_backend = Backend(name, connection, prefix)
        self.redisConnection = connection
        self.client = self.backend.conn
        self.scripts = self.backend.scripts
        self.keys = self.backend.keys
        self.qualifiedName = self.backend.qualifiedName
        self._job_scheduler = None
        self.additions = Additions(
            self.keys,
            connection.commands,
            packed=isinstance(self.client, PipelinedRedis),
            more=absent_key(self.client, prefix),
        )
        self._deadlines = connection.deadlines
        # Over connections of their own they could overtake each other.
        self._under_way = UNDER_WAY if isinstance(self.client, PipelinedRedis) else 1
        self._adding = f"add a job to queue {name}"
        self._replicas = self.client.replicas if isinstance(self.client, PipelinedRedis) else 0

    def bounded(self, action: str, writing: Writing | None = None) -> bounded:
        """Return a block whose commands may take the command timeout in all, and raise this library's errors."""
        return bounded(self._deadlines, action, writing)

    async def ask(self, *words: EncodableT) -> object:
        """Send one command to Redis and return its reply. Those of one turn of the loop go out in one write."""
        send = cast("Callable[..., Awaitable[object]]", self.client.execute_command)  # pyright: ignore[reportUnknownMemberType] - untyped in redis-py
        return await send(*words)

    async def add_request(self, request: JobRequest) -> str:
        """Add one job and return its id; an `ExistingId`, that of the job that stands for it, if it was a duplicate.

        The id is made here, so an add that is sent again after a lost reply makes one job, not two.

        Raises:
            RedisUnavailableError: Redis can't be reached; it says whether the job may have been written.
            NotReplicatedError: too few replicas have the job yet.
            EnqueueError: the engine refused the job.
        """
        addition = self.additions.make(request)
        command = self.own_backend.post(addition)
        if command is None:
            async with self.bounded(self._adding, Writing(ids=[addition.id])):
                added = await _sent(partial(self.own_backend.add_one, addition), [addition])
        else:
            # This is the way of nearly all jobs. Its parts cost more than Redis takes to add one, so it has few.
            self._deadlines.begin(command)
            try:
                added = await command.future
            except (RedisError, OSError) as error:
                added = await self._add_again(addition, error, command.ends_at)
        job_id = addition.id if added == addition.id else checked_id(added, addition.name, addition.id)
        if self._replicas:
            with translated(self._adding, Writing(ids=[job_id])):
                await self.replicated([job_id])
        return job_id

    async def replicated(self, ids: Sequence[str], what: str = "job") -> None:
        """Wait until as many replicas as were asked for hold what was written just now.

        Raises:
            NotReplicatedError: fewer do, within half the time that a command may take.
            RedisError: the connection broke.
        """
        if not self._replicas or not isinstance(self.client, PipelinedRedis):
            return
        limit_s = self._deadlines.seconds / 2
        held = await self.client.wait_for_replicas(round(limit_s * 1000))
        if held < self._replicas:
            raise NotReplicatedError(what, self.name, ids, f"{held} of {self._replicas} replicas in {limit_s:g} s")

    async def _add_again(self, addition: Addition, error: RedisError | OSError, until: float) -> object:
        """Add a job that was not added, or perhaps not, once more, if that is safe and in time."""
        with translated(self._adding, Writing(ids=[addition.id])):
            if asyncio.get_running_loop().time() >= until:
                raise error
            async with asyncio.timeout_at(until):
                if isinstance(error, (NoScriptError, *UNDONE)):
                    return await self.own_backend.add_one(addition)
                return await _sent_again(partial(self.own_backend.add_one, addition), [addition], error)

    async def add_requests(self, requests: Sequence[JobRequest], on_progress: Progress | None = None) -> list[str]:
        """Add many jobs, 1,000 in a round trip, each 1,000 in one transaction; return their ids in order.

        While Redis adds 1,000, the next ones are made ready and sent. Each 1,000 may take the command timeout.

        Args:
            requests: the jobs.
            on_progress: called after each 1,000 with how many were added, and how many there are.

        Raises:
            RedisUnavailableError: Redis can't be reached; it holds the ids that were added, and that may have been.
            RedisRefusedError, EnqueueError: Redis, or the engine, refused a job; it holds the ids that were added.
        """
        parts: list[AddTransaction] = []
        under_way: deque[asyncio.Task[AddTransaction]] = deque()
        done = 0

        async def take_oldest() -> bool:
            nonlocal done
            parts.append(await under_way.popleft())
            done += len(parts[-1].added)
            well = all(part.error is None for part in parts)
            if well and on_progress is not None:
                on_progress(done, len(requests))
            return well

        try:
            for start in range(0, len(requests), BULK):
                additions = [self.additions.make(request) for request in requests[start : start + BULK]]
                under_way.append(asyncio.create_task(self._add(additions)))
                await asyncio.sleep(0)
                if len(under_way) == self._under_way and not await take_oldest():
                    break
            while under_way:
                await take_oldest()
        finally:
            await _settled(under_way)
        if (failure := failure_of(parts, self.name)) is not None:
            raise failure
        return [job_id for part in parts for job_id in part.added]

    async def _add(self, additions: Sequence[Addition]) -> AddTransaction:
        """Add jobs in one transaction; return what came of it, as the others have to be waited for in any case."""
        try:
            async with self._deadlines.limit():
                answers = await _sent(partial(self.own_backend.add, additions), additions)
                part = AddTransaction.of(additions, answers)
                await self.replicated(part.added)
                return part
        except (RedisError, OSError, NotReplicatedError) as error:
            return AddTransaction([addition.id for addition in additions], error=error)

    async def find(self, job_id: str) -> Job | None:
        """Return the job, or None if Redis doesn't hold it."""
        async with self.bounded(f"read job {job_id} of queue {self.name}"):
            raw = await self.backend.getJobData(job_id)
        return Job.from_raw(self, raw, job_id) if raw else None

    async def read_log(self, job_id: str, start: int = 0, end: int = -1) -> list[str]:
        """Return the rows of a job's log from one index to another; none for a job that is gone."""
        async with self.bounded(f"read the log of job {job_id} of queue {self.name}"):
            return await cast("Awaitable[list[str]]", self.client.lrange(f"{self.toKey(job_id)}:logs", start, end))

    async def newest_log(self, job_id: str, most: int) -> tuple[list[str], int]:
        """Return the newest rows of a job's log, the oldest of them first, and how many there are in all."""
        key = f"{self.toKey(job_id)}:logs"
        async with self.bounded(f"read the log of job {job_id} of queue {self.name}"):
            rows, total = await asyncio.gather(self.ask("LRANGE", key, -most, -1), self.ask("LLEN", key))
        return cast("list[str]", rows), cast("int", total)

    async def getJobs(self, types: Sequence[str], start: int = 0, end: int = -1, asc: bool = False) -> list[bullmq.Job]:
        """As `read_jobs`; BullMQ's name for it."""
        return list(await self.read_jobs(types, start, end, asc=asc))

    async def read_jobs(self, types: Sequence[str], start: int, end: int, *, asc: bool = False) -> list[Job]:
        """Return the jobs of these states. One that can't be read says so, instead of hiding its whole page."""
        states = self.sanitizeJobTypes(types)
        ids = list(dict.fromkeys(map(str, await self.backend.getRanges(states, start, end, asc))))
        # Each for itself, as BullMQ's one script for them all stops at a key that is no hash.
        hashes = await read_together(self.client, lambda pipe: [pipe.hgetall(self.toKey(job_id)) for job_id in ids])
        found = cast("list[dict[str, str] | Exception]", hashes)
        return [self._read(job_id, stored) for job_id, stored in zip(ids, found, strict=True)]

    def _read(self, job_id: str, stored: dict[str, str] | Exception) -> Job:
        if not isinstance(stored, Exception):
            return Job.from_raw(self, stored, job_id)
        job = Job.from_raw(self, {}, job_id)
        job.unreadable = f"What is stored in the job's place can't be read: {reason_of(stored)}"
        return job


async def _settled(tasks: Collection[asyncio.Task[AddTransaction]]) -> None:
    """Wait for what can't be called back, when something else has gone wrong."""
    await asyncio.gather(*tasks, return_exceptions=True)


async def _sent(add: Callable[[], Awaitable[T]], additions: Sequence[Addition]) -> T:
    """Add jobs, once more if they were not sent, or the reply was lost and none can be made twice by it."""
    try:
        return await add()
    except UNREACHABLE as error:
        return await _sent_again(add, additions, error)


async def _sent_again(add: Callable[[], Awaitable[T]], additions: Sequence[Addition], error: Exception) -> T:
    """Add jobs after an error, if they were not sent, or the reply was lost and none can be made twice by it."""
    unsent = was_never_sent(error)
    if isinstance(error, NeverSentTimeoutError):
        raise error  # there is no time for another try, whose end would no longer tell that nothing was sent
    if not is_unreachable(error) or not (unsent or all(addition.repeatable for addition in additions)):
        raise error
    try:
        return await add()
    except UNREACHABLE:
        if unsent:
            raise
        raise error from None  # the first error tells that the jobs may have been written
