"""Flows: trees of jobs, each added in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from midday_worker.engine.producer.add_commands import Addition, Parent
from midday_worker.engine.producer.answer import checked_id
from midday_worker.engine.producer.queue import BULK, Progress, Queue
from midday_worker.engine.redis.error_translation import Writing
from midday_worker.errors import FlowError
from midday_worker.request import JobRequest, refuse_same_ids

QueueOf = Callable[[JobRequest], Queue]

_AGAIN: Final = (
    "Calling again makes a second flow, unless its root has a job_id: then it is refused while the first one is kept."
)


async def add_flows(
    roots: Sequence[JobRequest], queue_of: QueueOf, on_progress: Progress | None = None
) -> list[list[str]]:
    """Add trees of jobs; return their ids, of each in the order of `root.tree()`.

    A tree is never split; several go in one transaction, of about 1,000 jobs.

    Args:
        roots: the trees.
        queue_of: returns the queue of a node.
        on_progress: called with how many trees were added, and how many there are.

    Raises:
        FlowError: queues are in different slots of a cluster; or a node asks for deduplication, or for the id of a job
            that exists: its parent would wait for ever or not at all. Nothing was added.
        RedisUnavailableError: Redis can't be reached; it says whether flows may have been written.
        EnqueueError: the engine refused a node.
    """
    check_flows(roots)
    refuse_spread(roots, queue_of)
    named = [request for root in roots for request in root.tree() if request.options.job_id is not None]
    ids: list[list[str]] = []
    for chunk in _chunks(roots):
        # Before anything is written, it is known of all that they can be.
        ids += await _add(chunk, queue_of, [job_id for tree in ids for job_id in tree], [] if ids else named)
        if on_progress is not None:
            on_progress(len(ids), len(roots))
    return ids


async def _add(
    roots: Sequence[JobRequest], queue_of: QueueOf, before: Sequence[str], new: Sequence[JobRequest]
) -> list[list[str]]:
    """Add trees in one transaction, if none of the jobs exists that have to be `new`; both within one limit."""
    trees = [_additions(root, queue_of, None) for root in roots]
    additions = [addition for tree in trees for addition in tree]
    queue = queue_of(roots[0])
    writing = Writing(ids=[addition.id for addition in additions], before=before, again=_AGAIN)
    async with queue.bounded(f"look for the ids of a flow of {len(new)} jobs") as block:
        if new:
            await _refuse_existing(new, queue_of)
        block.go_on_to(f"add a flow of {len(additions)} jobs", writing)
        answers = iter(await queue.own_backend.add(additions))
        ids = [[checked_id(next(answers), addition.name, addition.id) for addition in tree] for tree in trees]
        await queue.replicated([job_id for tree in ids for job_id in tree])
        return ids


def _chunks(roots: Sequence[JobRequest]) -> list[list[JobRequest]]:
    chunks: list[list[JobRequest]] = []
    room = 0
    for root in roots:
        size = sum(1 for _ in root.tree())
        if size > room or not chunks:
            chunks.append([])
            room = BULK
        chunks[-1].append(root)
        room -= size
    return chunks


def check_flows(roots: Sequence[JobRequest]) -> None:
    """Raise FlowError or OptionError if a tree can't be added, or two ask for the same job_id."""
    for root in roots:
        check_flow(root)
    refuse_same_ids(request for root in roots for request in root.tree())


def check_flow(root: JobRequest) -> None:
    """Raise FlowError if a node has deduplication, or two of one queue have the same job_id."""
    taken: set[tuple[str, str]] = set()
    for request in root.tree():
        if request.options.deduplication is not None:
            raise FlowError(
                f"Job {request.name!r} is part of a flow and has {request.options.deduplication.option}: a duplicate "
                "would strand its parent."
            )
        if request.options.job_id is None:
            continue
        place = (request.queue, request.options.job_id)
        if place in taken:
            raise FlowError(f"Two nodes of the flow on queue {place[0]!r} have the same job_id, {place[1]!r}.")
        taken.add(place)


def refuse_spread(roots: Sequence[JobRequest], queue_of: QueueOf) -> None:
    """Raise FlowError if the queues of a call are on different nodes of a cluster, or may be one day."""
    queues = dict.fromkeys(queue_of(request) for root in roots for request in root.tree())
    # One connection leads to each slot.
    if len({id(queue.redisConnection) for queue in queues}) > 1:
        places = ", ".join(f"{queue.name} (prefix {queue.prefix})" for queue in queues)
        raise FlowError(
            f"The queues of a flow are in different slots of the cluster: {places}. It is written in one transaction, "
            "so they need prefixes with the same hash tag."
        )


async def _refuse_existing(named: Sequence[JobRequest], queue_of: QueueOf) -> None:
    async def exists(request: JobRequest) -> int:
        queue = queue_of(request)
        return int(await queue.client.exists(queue.toKey(request.options.job_id or "")))

    # Together: they go out in one write.
    found = await asyncio.gather(*map(exists, named))
    for request, there in zip(named, found, strict=True):
        if there:
            job_id = request.options.job_id
            raise FlowError(f"Job {request.name!r} of the flow has the job_id {job_id!r}, which exists already.")


def _additions(request: JobRequest, queue_of: QueueOf, parent: Parent | None) -> list[Addition]:
    queue = queue_of(request)
    addition = queue.additions.make(request, parent)
    found = [addition]
    for child in request.children:
        found += _additions(child, queue_of, Parent(addition.id, queue.qualifiedName, child.on_failure))
    return found
