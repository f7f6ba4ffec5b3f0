"""Reads on one job."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from midday_worker.admin import FlowWindow, JobSnapshot, find_job, find_root, get_job, read_flow, read_log
from midday_worker.dashboard.call import Call
from midday_worker.dashboard.json_response import json_response
from midday_worker.dashboard.shown.flow import show_flow
from midday_worker.dashboard.shown.job import show_job, show_line

_DEPTH: Final = (10, 20)
_CHILDREN: Final = (20, 1_000)
_JOBS: Final = 200
_STATES: Final = (
    *("active", "waiting", "waiting-children", "prioritized", "completed", "failed", "delayed", "paused", "unknown"),
)


async def show(call: Call) -> Response:
    """GET Q/:job: one job and its state."""
    return json_response(shown_with_state(call, await get_job(call.queue, call.job_id)))


def shown_with_state(call: Call, job: JobSnapshot) -> dict[str, object]:
    """Return a job as the page shows it, and its state."""
    state = job.state if job.state in _STATES else "unknown"
    return {"job": show_job(job, call.queue.name, call.board.redaction), "status": state}


async def show_logs(call: Call) -> Response:
    """GET Q/:job/logs: the newest lines that a job logged; none for a job that isn't there."""
    queue = call.queue
    log = await read_log(queue, call.job_id)
    job = await find_job(queue, call.job_id, longest=0) if log.lines else None
    name = "" if job is None else job.name
    lines = [show_line(line, queue.name, name, call.board.redaction) for line in log.lines if job is not None]
    earlier = log.total - len(log.lines)
    return json_response([f"({earlier:,} earlier lines are not shown)", *lines] if earlier > 0 and lines else lines)


async def show_flow_of(call: Call) -> Response:
    """GET Q/:job/flow: the tree that a job is in, or with root=node the one below it."""
    queue = call.queue
    job = await get_job(queue, call.job_id, longest=0)
    depth, children = _clamped(call.asked("depth"), *_DEPTH), _clamped(call.asked("maxChildren"), *_CHILDREN)
    top_queue, top = queue, job
    if call.asked("root") != "node":
        top_queue, top = await find_root(queue, job, call.board.queue)
    # A single level is bounded by the number of children alone.
    most = max(_JOBS, children + 1) if depth <= 2 else _JOBS
    tree = await read_flow(top_queue, top, call.board.queue, FlowWindow(depth=depth, children=children, jobs=most))
    shown = show_flow(tree, call.board.redaction)
    return json_response({"nodeId": job.id, "isFlowNode": bool(tree.children), "flowRoot": shown})


def _clamped(given: str | None, default: int, most: int) -> int:
    # As the page's own server: what is no number counts as not given.
    if given is None or not (given.isascii() and given.removeprefix("-").isdecimal() and len(given) < 20):
        return default
    return min(max(int(given), 1), most)
