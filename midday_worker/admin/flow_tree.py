"""A flow as a tree of jobs, read from any of them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, cast

from midday_worker.admin.reading import find_job
from midday_worker.admin.snapshot import JobSnapshot
from midday_worker.engine.job.job import DependenciesCount, Job
from midday_worker.engine.producer.queue import Queue
from midday_worker.queues import QueueDefinition

QueueOf = Callable[[QueueDefinition], Queue | None]
"""Returns a queue, by its name and prefix; None if it may not be looked at."""

_KEY: Final = re.compile(r"(.+?):([^:]+):(repeat:.+:\d+|[^:]+)", re.DOTALL)
"""A job's key: in a queue's name there is no colon, and in an id only in those of schedules' runs."""

_HIGHEST: Final = 50
_SCANNED: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowWindow:
    """How much of a flow is read: levels below the top, children of each job, and jobs in all."""

    depth: int = 10
    children: int = 20
    jobs: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowJob:
    """A job of a flow.

    Attributes:
        queue: its queue's name.
        job: what was read of it, its payload left out.
        dependencies: how many children it has, by their outcome.
        ignored: the failed reasons of the children whose failure was ignored, by the child's key.
        children: those that were read.
        truncated: whether it has others.
    """

    queue: str
    job: JobSnapshot
    dependencies: DependenciesCount
    ignored: Mapping[str, str]
    children: tuple[FlowJob, ...] = ()
    truncated: bool = False


@dataclass(slots=True)
class _Budget:
    left: int
    seen: set[str] = field(default_factory=lambda: set[str]())


async def find_root(queue: Queue, job: JobSnapshot, queue_of: QueueOf) -> tuple[Queue, JobSnapshot]:
    """Return the highest job above this one that may be looked at and that is still there."""
    for _ in range(_HIGHEST):
        place = None if job.parent_key is None else split_key(job.parent_key, queue.prefix)
        above = None if place is None else queue_of(place[0])
        parent = None if place is None or above is None else await find_job(above, place[1], longest=0)
        if above is None or parent is None:
            break
        queue, job = above, parent
    return queue, job


async def read_flow(queue: Queue, job: JobSnapshot, queue_of: QueueOf, window: FlowWindow) -> FlowJob:
    """Return the tree below a job; of very large ones the part that fits the window."""
    return await _read(queue, job, queue_of, window, _Budget(window.jobs))


async def _read(queue: Queue, job: JobSnapshot, queue_of: QueueOf, window: FlowWindow, budget: _Budget) -> FlowJob:
    async with queue.bounded(f"read the flow of job {job.id} of queue {queue.name}"):
        counts = await Job(queue, job.name, None, {}, job.id).getDependenciesCount()
        keys = await _child_keys(queue, job.id, counts, window.children) if window.depth > 0 else []
        ignored = await _ignored(queue, job.id, window.children) if counts["ignored"] else {}
    node = FlowJob(queue=queue.name, job=job, dependencies=counts, ignored=ignored)
    below = replace(window, depth=window.depth - 1)
    children, gone = list[FlowJob](), 0
    for key in keys:
        place = split_key(key, queue.prefix)
        child_queue = None if place is None else queue_of(place[0])
        if place is None or child_queue is None or key in budget.seen or budget.left <= 1:
            continue
        child = await find_job(child_queue, place[1], longest=0)
        if child is None:  # it has ended and was trimmed
            gone += 1
            continue
        budget.left -= 1
        budget.seen.add(key)
        children.append(await _read(child_queue, child, queue_of, below, budget))
    return replace(node, children=tuple(children), truncated=len(children) + gone < _total(counts))


async def _child_keys(queue: Queue, job_id: str, counts: DependenciesCount, most: int) -> list[str]:
    key = queue.toKey(job_id)
    unprocessed, processed, failed, ignored = await asyncio.gather(
        _members(queue, "SSCAN", f"{key}:dependencies", counts["unprocessed"]),
        _fields(queue, f"{key}:processed", counts["processed"]),
        queue.ask("ZRANGE", f"{key}:unsuccessful", 0, most - 1),
        _fields(queue, f"{key}:failed", counts["ignored"]),
    )
    found = [*sorted(unprocessed), *sorted(processed), *cast("list[str]", failed), *sorted(ignored)]
    return list(dict.fromkeys(found))[:most]


async def _fields(queue: Queue, key: str, count: int) -> list[str]:
    if count <= _SCANNED:
        return cast("list[str]", await queue.ask("HKEYS", key))
    return await _members(queue, "HSCAN", key, count)


async def _members(queue: Queue, scan: str, key: str, count: int) -> list[str]:
    if not count:
        return []
    _, found = cast("tuple[object, list[str] | dict[str, str]]", await queue.ask(scan, key, 0, "COUNT", _SCANNED))
    return list(found)


async def _ignored(queue: Queue, job_id: str, most: int) -> dict[str, str]:
    _, found = cast(
        "tuple[object, dict[str, str]]",
        await queue.ask("HSCAN", f"{queue.toKey(job_id)}:failed", 0, "COUNT", most),
    )
    return dict(found)


def split_key(key: str, prefix: str) -> tuple[QueueDefinition, str] | None:
    """Return the queue and the id of a job's key `prefix:queue:id`; None if it is none.

    Args:
        key: the key.
        prefix: which it probably has, as its parent and children do; it may have another one.

    >>> queue, job_id = split_key("{emails}:emails:7", "bull") or (None, None)
    >>> queue and (queue.prefix, queue.name), job_id
    (('{emails}', 'emails'), '7')
    """
    queue, colon, job_id = key.removeprefix(f"{prefix}:").partition(":")
    if key.startswith(f"{prefix}:") and colon and job_id:
        return QueueDefinition(queue, prefix=prefix), job_id
    found = _KEY.fullmatch(key)
    return None if found is None else (QueueDefinition(found[2], prefix=found[1]), found[3])


def _total(counts: DependenciesCount) -> int:
    return counts["processed"] + counts["unprocessed"] + counts["failed"] + counts["ignored"]
