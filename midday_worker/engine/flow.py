"""Flows: a tree of jobs, added in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from midday_worker.engine.connection import Connection
from midday_worker.engine.job import Job
from midday_worker.engine.queue import Queue, checked_id, make_job
from midday_worker.engine.translation import Writing, bounded
from midday_worker.engine.wire import WireOptions, encode_on_failure
from midday_worker.errors import FlowError
from midday_worker.request import JobRequest

_AGAIN: Final = (
    "Calling again makes a second flow, unless its root has a job_id: then it is refused while the first one is kept."
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One job of a flow, in the form that bullmq's `addFlow` takes, parents first."""

    job: Job
    is_parent: bool


async def add_flow(connection: Connection, prefix: str, root: JobRequest) -> list[str]:
    """Add a tree of jobs in one transaction; return the ids in the order of `root.tree()`.

    Raises:
        FlowError: a node asks for deduplication, or for the id of a job that exists: its parent would wait for ever
            or not at all.
        RedisUnavailableError: Redis can't be reached; it says whether the flow may have been written.
        EnqueueError: the engine refused a node.
    """
    check_flow(root)
    entries = _entries(root, connection, prefix, parent=None)
    ids = [entry.job.id for entry in entries]
    async with bounded(connection.command_timeout_s, f"look for the ids of a flow of {len(ids)} jobs"):
        await _refuse_existing([entry.job for entry in entries if "jobId" in entry.job.opts])
    writing = Writing(ids=ids, again=_AGAIN)
    async with bounded(connection.command_timeout_s, f"add a flow of {len(ids)} jobs", writing):
        backend = entries[0].job.backend
        answers = await backend.addFlow([{"job": entry.job, "is_parent": entry.is_parent} for entry in entries])
    for entry, own_id in zip(entries, ids, strict=True):
        entry.job.id = own_id
    return [checked_id(answer, entry.job) for entry, answer in zip(entries, answers, strict=True)]


def check_flow(root: JobRequest) -> None:
    """Raise FlowError if a node has deduplication, or two of one queue have the same job_id."""
    taken: set[tuple[str, str]] = set()
    for request in root.tree():
        if request.options.deduplication is not None:
            raise FlowError(
                f"Job {request.name!r} is part of a flow and has deduplication: a duplicate would strand its parent."
            )
        if request.options.job_id is None:
            continue
        place = (request.queue, request.options.job_id)
        if place in taken:
            raise FlowError(f"Two nodes of the flow on queue {place[0]!r} have the same job_id, {place[1]!r}.")
        taken.add(place)


async def _refuse_existing(jobs: list[Job]) -> None:
    for job in jobs:
        if await job.backend.conn.exists(job.backend.toKey(job.id)):
            raise FlowError(f"Job {job.name!r} of the flow has the job_id {job.id!r}, which exists already.")


def _entries(request: JobRequest, connection: Connection, prefix: str, parent: Job | None) -> list[Entry]:
    queue = Queue(request.queue, connection, prefix)
    extra: WireOptions = {}
    if parent is not None:
        extra = {
            "parent": {"id": parent.id, "queue": parent.queueQualifiedName},
            **encode_on_failure(request.on_failure),
        }
    job = make_job(queue, request, extra)
    below = [_entries(child, connection, prefix, job) for child in request.children]
    return [Entry(job, bool(below)), *(entry for entries in below for entry in entries)]
