"""Reading jobs and their logs by their ids, without what is too large to be shown."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from midday_worker.admin.snapshot import Cut, JobSnapshot, snapshot_of
from midday_worker.engine.job.job import Job
from midday_worker.engine.producer.queue import Queue
from midday_worker.engine.redis.error_translation import is_unreachable
from midday_worker.engine.wire.failure import reason_of
from midday_worker.engine.wire.places import PARKED_AT
from midday_worker.errors import JobNotFoundError

LONGEST: Final = 1_048_576
"""How large a payload or a result may be, in bytes, that is read whole."""

_MOST_LINES: Final = 2_000
"""How many lines are read, the newest ones."""

_LARGE: Final = ("data", "returnvalue")
_SMALL: Final = (
    *("name", "opts", "progress", "timestamp", "delay", "priority", "attemptsMade", "atm", "ats", "stc"),
    *("processedOn", "finishedOn", "pb", "stacktrace", "failedReason", "defa", "rjk", "parentKey", "parent"),
    PARKED_AT,
)


async def find_job(queue: Queue, job_id: str, *, longest: int = LONGEST) -> JobSnapshot | None:
    """Return a job; None if Redis holds none of this id.

    Args:
        queue: its queue.
        job_id: any text: that of another key of the queue ("meta", "events") is no job's.
        longest: how large its payload and its result may be, in bytes; a larger one is a `Cut`.
    """
    async with queue.bounded(f"read job {job_id} of queue {queue.name}"):
        state, (job,) = await asyncio.gather(_state(queue, job_id), _read(queue, [job_id], longest))
    # A job that is in no state has at least the hash of one, which says when it was added.
    if state == "unknown" and not job.timestamp:
        return None
    return snapshot_of(job, state)


async def get_job(queue: Queue, job_id: str, *, longest: int = LONGEST) -> JobSnapshot:
    """Return a job, as `find_job`. Raises JobNotFoundError."""
    job = await find_job(queue, job_id, longest=longest)
    if job is None:
        raise JobNotFoundError(job_id=job_id, queue=queue.name)
    return job


async def read_all(queue: Queue, found: Sequence[tuple[str, str]], longest: int = LONGEST) -> list[JobSnapshot]:
    """Return the jobs of these ids and states, in order; one that can't be read says so."""
    jobs = await _read(queue, [job_id for job_id, _ in found], longest)
    return [snapshot_of(job, state) for job, (_, state) in zip(jobs, found, strict=True)]


@dataclass(frozen=True, slots=True)
class JobLog:
    """The newest lines of a job's log, the oldest of them first, and how many there are in all."""

    lines: tuple[str, ...]
    total: int


async def read_log(queue: Queue, job_id: str, most: int = _MOST_LINES) -> JobLog:
    """Return what a job logged; a job that isn't there has no lines."""
    lines, total = await queue.newest_log(job_id, most)
    return JobLog(tuple(lines), total)


async def _state(queue: Queue, job_id: str) -> str:
    return str(await queue.getJobState(job_id))


async def _read(queue: Queue, ids: Sequence[str], longest: int) -> list[Job]:
    sizes = await asyncio.gather(*(_sizes(queue, job_id) for job_id in ids))
    return await asyncio.gather(
        *(_read_one(queue, job_id, size, longest) for job_id, size in zip(ids, sizes, strict=True))
    )


async def _sizes(queue: Queue, job_id: str) -> dict[str, int] | Exception:
    key = queue.toKey(job_id)
    lengths = await asyncio.gather(*(queue.ask("HSTRLEN", key, field) for field in _LARGE), return_exceptions=True)
    sizes: dict[str, int] = {}
    for field, length in zip(_LARGE, lengths, strict=True):
        if isinstance(length, BaseException):
            return _not_a_hash(length)
        sizes[field] = cast("int", length)
    return sizes


async def _read_one(queue: Queue, job_id: str, sizes: dict[str, int] | Exception, longest: int) -> Job:
    if isinstance(sizes, Exception):
        job = Job.from_raw(queue, {}, job_id)
        job.unreadable = f"What is stored in the job's place can't be read: {reason_of(sizes)}"
        return job
    cut = {field: size for field, size in sizes.items() if size > longest}
    wanted = (*_SMALL, *(field for field in _LARGE if field not in cut))
    values = cast("list[str | None]", await queue.ask("HMGET", queue.toKey(job_id), *wanted))
    job = Job.from_raw(
        queue, {field: value for field, value in zip(wanted, values, strict=True) if value is not None}, job_id
    )
    for field, size in cut.items():
        setattr(job, field, Cut(size))
    return job


def _not_a_hash(error: BaseException) -> Exception:
    """Return the error of a key that is no hash; raise any other."""
    if not isinstance(error, Exception) or is_unreachable(error) or "WRONGTYPE" not in str(error):
        raise error
    return error
