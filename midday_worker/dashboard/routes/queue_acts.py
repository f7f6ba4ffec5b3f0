"""Acts on queues."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.responses import Response

from midday_worker.admin import (
    Cleanable,
    Ended,
    clean_jobs,
    empty_queue,
    get_job,
    limit_concurrency,
    limit_rate,
    obliterate_queue,
    pause_queue,
    promote_jobs,
    release_rate_limit,
    remove_rate_limit,
    resume_queue,
    retry_jobs,
)
from midday_worker.dashboard.added_job import request_of
from midday_worker.dashboard.bodies import AddedJob, ChangedConcurrency, ChangedRate, Obliteration, whole_number
from midday_worker.dashboard.call import Call
from midday_worker.dashboard.error_response import Problem
from midday_worker.dashboard.json_response import json_response
from midday_worker.dashboard.routes.jobs import shown_with_state
from midday_worker.engine.producer.queue import Queue

_GRACE_MS: Final = 5_000
"""Jobs that are younger are left when a state is cleaned, as by the page's own server."""

_RETRIED: Final[Mapping[str, Ended]] = {"completed": "completed", "failed": "failed"}
_CLEANED: Final[Mapping[str, Cleanable]] = {
    "wait": "waiting",
    "waiting": "waiting",
    "active": "active",
    "delayed": "delayed",
    "prioritized": "prioritized",
    "completed": "completed",
    "failed": "failed",
    "paused": "paused",
}


async def add(call: Call) -> Response:
    """POST Q/add: one job, checked as if it were triggered."""
    queue, added = call.queue, call.parsed(AddedJob)
    job_id = await call.board.client.enqueue(request_of(call.board, queue.name, added))
    return json_response(shown_with_state(call, await get_job(queue, job_id)))


async def pause_all(call: Call) -> Response:
    """PUT /queues/pause."""
    await _each(call, pause_queue)
    return json_response({})


async def resume_all(call: Call) -> Response:
    """PUT /queues/resume."""
    await _each(call, resume_queue)
    return json_response({})


async def _each(call: Call, act: Callable[[Queue], Awaitable[object]]) -> None:
    """Do something to every queue; where one's node of a cluster is away, to all others before that is said."""
    there, away = await call.board.reachable(call.board.names)
    for queue in there:
        await act(queue)
    for error in away.values():
        raise error


async def pause(call: Call) -> Response:
    """PUT Q/pause."""
    await pause_queue(call.queue)
    return json_response({})


async def resume(call: Call) -> Response:
    """PUT Q/resume."""
    await resume_queue(call.queue)
    return json_response({})


async def empty(call: Call) -> Response:
    """PUT Q/empty: remove what waits."""
    await empty_queue(call.queue)
    return json_response({})


async def promote(call: Call) -> Response:
    """PUT Q/promote: let all delayed jobs run now."""
    await promote_jobs(call.queue)
    return json_response({})


async def retry(call: Call) -> Response:
    """PUT Q/retry/:status: put all jobs that ended so back."""
    queue, status = call.queue, call.params["status"]
    if status not in _RETRIED:
        raise Problem(400, "ERRORS.STATUS_NOT_RETRIABLE", options={"status": status}, code="INVALID_REQUEST")
    moved = await retry_jobs(queue, _RETRIED[status])
    return json_response({"retried": moved.moved, "skipped": moved.skipped})


async def clean(call: Call) -> Response:
    """PUT Q/clean/:status: remove all jobs of a state."""
    queue, status = call.queue, call.params["status"]
    if status not in _CLEANED:
        raise Problem(400, "ERRORS.INVALID_QUERY_PARAM", options={"field": "status"}, code="INVALID_REQUEST")
    await clean_jobs(queue, _CLEANED[status], grace_ms=_GRACE_MS)
    return json_response({})


async def change_concurrency(call: Call) -> Response:
    """PUT Q/concurrency: over all workers; 0 is any number."""
    await limit_concurrency(call.queue, call.parsed(ChangedConcurrency).concurrency or None)
    return json_response({})


async def change_rate(call: Call) -> Response:
    """PUT Q/rate-limit; without `max` there is none."""
    queue, wanted = call.queue, call.parsed(ChangedRate)
    if wanted.max is None:
        await remove_rate_limit(queue)
    else:
        await limit_rate(queue, wanted.max, whole_number(wanted.duration, wanted.key))
    return json_response({})


async def release_rate(call: Call) -> Response:
    """PUT Q/rate-limit/release."""
    await release_rate_limit(call.queue)
    return json_response({})


async def obliterate(call: Call) -> Response:
    """PUT Q/obliterate: remove the queue with all that it holds."""
    await obliterate_queue(call.queue, force=call.parsed(Obliteration).force is True)
    return json_response({})
