"""Acts on one job."""

from __future__ import annotations

from starlette.responses import Response

from midday_worker.admin import (
    change_data,
    change_delay,
    change_priority,
    get_job,
    promote_job,
    remove_job,
    remove_unprocessed_children,
    retry_job,
)
from midday_worker.dashboard.added_job import checked_data
from midday_worker.dashboard.bodies import ChangedData, ChangedDelay, ChangedPriority
from midday_worker.dashboard.call import Call
from midday_worker.dashboard.error_response import INVALID_BODY, Problem
from midday_worker.dashboard.json_response import json_response
from midday_worker.dashboard.shown.redaction import Shown, stands_for_hidden


async def retry(call: Call) -> Response:
    """PUT Q/:job/retry."""
    await retry_job(call.queue, call.job_id)
    return Response(status_code=204)


async def remove(call: Call) -> Response:
    """PUT Q/:job/clean."""
    await remove_job(call.queue, call.job_id)
    return Response(status_code=204)


async def promote(call: Call) -> Response:
    """PUT Q/:job/promote."""
    await promote_job(call.queue, call.job_id)
    return Response(status_code=204)


async def update_data(call: Call) -> Response:
    """PATCH Q/:job/update-data: another payload, checked as if the job were triggered with it."""
    queue, wanted = call.queue, call.parsed(ChangedData).job_data
    job = await get_job(queue, call.job_id)
    hidden = call.board.redaction.hides(Shown(job.data, "data", queue.name, job.name))
    if hidden or stands_for_hidden(wanted):
        message = "The payload is not shown whole: what you see would replace what is hidden."
        raise Problem(409, INVALID_BODY, message, options={"field": "jobData"}, code="HIDDEN_DATA")
    await change_data(queue, job.id, *checked_data(call.board, queue.name, job.name, wanted))
    return json_response({})


async def delay(call: Call) -> Response:
    """PATCH Q/:job/delay."""
    await change_delay(call.queue, call.job_id, round(call.parsed(ChangedDelay).run_at))
    return json_response({})


async def priority(call: Call) -> Response:
    """PATCH Q/:job/priority."""
    await change_priority(call.queue, call.job_id, call.parsed(ChangedPriority).priority)
    return json_response({})


async def remove_children(call: Call) -> Response:
    """PUT Q/:job/remove-unprocessed-children."""
    removed = await remove_unprocessed_children(call.queue, call.job_id)
    if not removed:
        raise Problem(400, "ERRORS.JOB_HAS_NO_UNPROCESSED_CHILDREN")
    return json_response({"removed": removed})
