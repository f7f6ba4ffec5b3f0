"""Checks of a queue: jobs that are stuck, that nobody will run, and that are too large."""

from __future__ import annotations

import asyncio
import shlex
import time
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Final, cast

from midday_worker.admin.finding import Finding, Grade
from midday_worker.admin.flow_tree import split_key
from midday_worker.admin.listing import list_ids
from midday_worker.admin.overview import QueueOverview, read_overview
from midday_worker.admin.schedules import list_schedules
from midday_worker.engine.inspection.worker_clients import WorkerClient
from midday_worker.engine.producer.queue import Queue
from midday_worker.engine.producer.schedule_repair import find_lost

SAMPLE: Final = 1_000
"""How many jobs of each state are looked at, those that are next."""

_WAITING: Final = ("waiting", "prioritized", "paused")
_UNFINISHED: Final = (*_WAITING, "delayed", "waiting-children")
_OVERDUE_S: Final = 60
_CHILDREN: Final = 100
"""How many children of a parent are looked at."""

_SCORE_UNIT: Final = 0x1000
"""A delayed job's score is its time in milliseconds times this, plus a counter."""


async def check_queue(queue: Queue, workers: Sequence[WorkerClient] | None, largest: int) -> list[Finding]:
    """Return what is wrong with a queue; what is well isn't said.

    Args:
        queue: the queue.
        workers: its workers; None if they aren't known.
        largest: how large a payload may be, in bytes.
    """
    overview = await read_overview(queue)
    found = [
        judge_workers(overview, None if workers is None else len(workers)),
        *await asyncio.gather(
            _lost_by_workers(queue, worked=workers is None or bool(workers)),
            _overdue(queue, overview),
            _stranded(queue),
            _dead_schedules(queue, worked=bool(workers)),
            _too_large(queue, largest),
        ),
    ]
    return [finding for finding in found if finding is not None]


def judge_workers(overview: QueueOverview, workers: int | None) -> Finding | None:
    """Return the findings about a queue that holds jobs and starts none."""
    waiting = sum(overview.counts.get(state, 0) for state in _WAITING)
    if not waiting:
        return None
    if overview.paused:
        text = f"it is paused, and {_jobs(waiting, 'wait')}"
        return _finding(
            overview.name, "paused queue", "fail", text, shlex.join(("midday-worker", "queue", "resume", overview.name))
        )
    if workers == 0:
        text = f"{_jobs(waiting, 'wait')}, and no worker is connected"
        return _finding(overview.name, "no workers", "warn", text, "start a worker: midday-worker run")
    return None


async def check_parents(queue: Queue, worked: Collection[str], prefixes: Collection[str]) -> Finding | None:
    """Return what is wrong with parents of flows: those that wait for children in a queue that nobody works.

    Args:
        queue: the parents'.
        worked: the queues that a worker is connected to.
        prefixes: those of the queues that were looked at.
    """
    async with queue.bounded(f"read the children of waiting flows of queue {queue.name}"):
        ids = await list_ids(queue, "waiting-children", 0, SAMPLE - 1)
        children = await asyncio.gather(
            *(queue.ask("SRANDMEMBER", f"{queue.toKey(job_id)}:dependencies", _CHILDREN) for job_id in ids)
        )
    places = {
        job_id: _queues_of(cast("list[str]", keys), queue, prefixes) for job_id, keys in zip(ids, children, strict=True)
    }
    behind = {job_id: names - set(worked) for job_id, names in places.items() if names - set(worked)}
    if not behind:
        return None
    names = sorted(set[str]().union(*behind.values()))
    where = f"queue {names[0]}, which has" if len(names) == 1 else f"queues {', '.join(names[:3])}, which have"
    text = f"{_jobs(len(behind), 'wait')} for children in {where} no worker ({_shown(set(behind))})"
    return _finding(queue.name, "parents without workers", "fail", text, "start a worker there: midday-worker run")


def _queues_of(keys: Sequence[str], queue: Queue, prefixes: Collection[str]) -> set[str]:
    places = (split_key(key, queue.prefix) for key in keys)
    return {place[0].name for place in places if place is not None and place[0].prefix in prefixes}


async def unfinished_names(queue: Queue) -> Counter[str]:
    """Return the names of jobs that haven't ended and of schedules, with how many of the jobs looked at have it."""
    ids = [job_id for ids in await _sampled(queue, _UNFINISHED) for job_id in ids]
    async with queue.bounded(f"read jobs of queue {queue.name}"):
        names = await asyncio.gather(
            *(queue.ask("HGET", queue.toKey(job_id), "name") for job_id in ids), return_exceptions=True
        )
    counted = Counter(name for name in names if isinstance(name, str) and name)
    counted.update(schedule.job for schedule in await list_schedules(queue, SAMPLE) if schedule.job)
    return counted


async def _lost_by_workers(queue: Queue, *, worked: bool) -> Finding | None:
    lost = await _without_lock(queue)
    # A job that has just ended has no lock any more either: what is lost is still there at a second look.
    lost &= await _without_lock(queue) if lost else set()
    if not lost:
        return None
    text = f"{_jobs(len(lost), 'run')} without a worker: it has died or lost its connection ({_shown(lost)})"
    fix = "start a worker: the first thing it does is to hand them back"
    return _finding(
        queue.name, "stuck jobs", "warn" if worked else "fail", text, "a worker hands them back soon" if worked else fix
    )


async def _without_lock(queue: Queue) -> set[str]:
    async with queue.bounded(f"read the running jobs of queue {queue.name}"):
        ids = await list_ids(queue, "active", 0, SAMPLE - 1)
        locks = await asyncio.gather(*(queue.ask("EXISTS", f"{queue.toKey(job_id)}:lock") for job_id in ids))
    return {job_id for job_id, lock in zip(ids, locks, strict=True) if not lock}


async def _overdue(queue: Queue, overview: QueueOverview) -> Finding | None:
    before = (time.time() - _OVERDUE_S) * 1000 * _SCORE_UNIT
    async with queue.bounded(f"look at the delayed jobs of queue {queue.name}"):
        late = cast("int", await queue.ask("ZCOUNT", queue.keys["delayed"], "-inf", before))
    if not late:
        return None
    text = f"{_jobs(late, 'are', 'is')} still delayed, more than {_OVERDUE_S} s after the time to start"
    fix = "resume the queue" if overview.paused else "start a worker: it lets them start"
    return _finding(queue.name, "overdue jobs", "note" if overview.paused else "warn", text, fix)


async def _dead_schedules(queue: Queue, *, worked: bool) -> Finding | None:
    before = (time.time() - _OVERDUE_S) * 1000
    dead = {schedule.id for schedule in await find_lost(queue, before)}
    # A run may start between two looks at it: what is lost is still lost at a second look.
    dead &= {schedule.id for schedule in await find_lost(queue, before)} if dead else set()
    if not dead:
        return None
    many = len(dead) > 1
    text = f"{len(dead):,} schedule{'s have' if many else ' has'} lost {'their' if many else 'its'} next run"
    fix = "write it again, or remove it; the workers' log says why they can't make the run"
    return _finding(
        queue.name,
        "dead schedules",
        "fail",
        f"{text}, more than {_OVERDUE_S} s overdue ({_shown(dead)})",
        fix if worked else "start a worker: it makes the run",
    )


async def _stranded(queue: Queue) -> Finding | None:
    stranded = await _without_children(queue)
    stranded &= await _without_children(queue) if stranded else set()
    if not stranded:
        return None
    text = f"{_jobs(len(stranded), 'wait')} for children, and none is left to end ({_shown(stranded)})"
    look = shlex.join(("midday-worker", "job", "show", min(stranded), "-q", queue.name))
    return _finding(queue.name, "stuck flows", "fail", text, f"look at one: {look}")


async def _without_children(queue: Queue) -> set[str]:
    async with queue.bounded(f"read the waiting flows of queue {queue.name}"):
        ids = await list_ids(queue, "waiting-children", 0, SAMPLE - 1)
        left = await asyncio.gather(*(queue.ask("SCARD", f"{queue.toKey(job_id)}:dependencies") for job_id in ids))
    return {job_id for job_id, count in zip(ids, left, strict=True) if not count}


async def _too_large(queue: Queue, largest: int) -> Finding | None:
    ids = [job_id for ids in await _sampled(queue, (*_UNFINISHED, "failed")) for job_id in ids]
    async with queue.bounded(f"measure the payloads of queue {queue.name}"):
        sizes = await asyncio.gather(
            *(queue.ask("HSTRLEN", queue.toKey(job_id), "data") for job_id in ids), return_exceptions=True
        )
    large = {job_id: size for job_id, size in zip(ids, sizes, strict=True) if isinstance(size, int) and size > largest}
    if not large:
        return None
    biggest = max(large, key=large.__getitem__)
    verb = "have" if len(large) > 1 else "has"
    text = f"{_jobs(len(large), verb, verb)} a payload of more than {largest:,} bytes; {biggest}: {large[biggest]:,}"
    return _finding(queue.name, "large payloads", "warn", text, "store the data elsewhere, and send its address")


async def _sampled(queue: Queue, states: Sequence[str]) -> list[list[str]]:
    async with queue.bounded(f"read jobs of queue {queue.name}"):
        return await asyncio.gather(*(list_ids(queue, state, 0, SAMPLE - 1) for state in states))


def _jobs(count: int, many: str, one: str | None = None) -> str:
    at_least = "at least " if count == SAMPLE else ""
    return f"1 job {one or many + 's'}" if count == 1 else f"{at_least}{count:,} jobs {many}"


def _shown(ids: set[str]) -> str:
    first = sorted(ids)[:3]
    return ", ".join(first) + (", ..." if len(ids) > len(first) else "")


def _finding(queue: str, check: str, grade: Grade, text: str, fix: str) -> Finding:
    return Finding(check=check, grade=grade, text=text, fix=fix, queue=queue)
