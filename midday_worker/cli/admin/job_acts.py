"""``midday-worker job retry``, ``promote`` and ``remove``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from midday_worker.admin import check_removal, count_children, find_waiting_parent, promote_job, remove_job, retry_job
from midday_worker.cli.admin.act_options import ActOptions, counted
from midday_worker.cli.admin.reach import Reach, reach
from midday_worker.engine.producer.queue import Queue


def retry(job_id: str, queue: str | None, manner: ActOptions) -> None:
    """Put a job that has ended back among those that wait."""
    _act(job_id, queue, manner, "retry", retry_job, "waits to run once more")


def promote(job_id: str, queue: str | None, manner: ActOptions) -> None:
    """Let a delayed job run now."""
    _act(job_id, queue, manner, "promote", promote_job, "is due now")


def remove(job_id: str, queue: str | None, manner: ActOptions) -> None:
    """Remove a job and the children below it."""

    async def act(at: Reach) -> None:
        holder, job = await at.job(job_id, queue)
        await check_removal(holder, job_id)
        children = await count_children(holder, job_id)
        below = f" and {counted(children, 'child').replace('childs', 'children')}" if children else ""
        above = await find_waiting_parent(holder, job_id)
        loss = f"; its parent {above[1]} of queue {above[0]} would run without it" if above else ""
        deed = f"remove {job.state} job {job_id} ({job.name}){below} of queue {holder.name}{loss}"
        done = 0
        if manner.agreed(deed, 1):
            await remove_job(holder, job_id)
            done = 1
        record = {"id": job_id, "queue": holder.name, "act": "remove", "done": done, "dry_run": manner.dry_run}
        text = f"Removed job {job_id}{below} of queue {holder.name}." if done else manner.unchanged(deed, 1)
        parent = {"queue": above[0], "id": above[1]} if above else None
        manner.answer(record | {"children": children, "parent": parent}, text)

    reach(act)


def _act(
    job_id: str,
    queue: str | None,
    manner: ActOptions,
    name: str,
    deed: Callable[[Queue, str], Awaitable[None]],
    then: str,
) -> None:
    async def act(at: Reach) -> None:
        holder, _ = await at.job(job_id, queue)
        await deed(holder, job_id)
        record = {"id": job_id, "queue": holder.name, "act": name, "done": 1}
        manner.answer(record, f"Job {job_id} of queue {holder.name} {then}.")

    reach(act)
