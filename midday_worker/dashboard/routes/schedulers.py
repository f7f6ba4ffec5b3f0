"""Schedules, read and acted on."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Final

from starlette.responses import Response

from midday_worker.admin import (
    Recurrence,
    Schedule,
    change_schedule,
    find_schedule,
    get_job,
    list_schedules,
    read_runs,
    remove_schedule,
    run_schedule,
)
from midday_worker.dashboard.bodies import ChangedSchedule, whole_number
from midday_worker.dashboard.call import Call
from midday_worker.dashboard.error_response import Problem
from midday_worker.dashboard.json_response import json_response
from midday_worker.dashboard.shown.job import show_job
from midday_worker.dashboard.shown.queue import show_schedule
from midday_worker.engine.cron.pattern import CronPattern
from midday_worker.engine.producer.queue import Queue

MOST: Final = 1_000
"""How many schedules of a queue are listed, those that are due first."""


async def list_all(call: Call) -> Response:
    """GET /job-schedulers: the schedules of every queue, or of one."""
    asked, only = call.asked("queueName"), call.asked_queue("queueName")
    names = call.board.names if asked is None else [only] if only is not None else []
    queues, _ = await call.board.reachable(names)
    found = await asyncio.gather(*(_listed(call, queue) for queue in queues))
    return json_response({"schedulers": [schedule for of_queue in found for schedule in of_queue]})


async def _listed(call: Call, queue: Queue) -> list[dict[str, object]]:
    schedules = await list_schedules(queue, MOST)
    runs = await asyncio.gather(*(read_runs(queue, schedule) for schedule in schedules))
    return [show_schedule(each, of_it, call.board.redaction) for each, of_it in zip(schedules, runs, strict=True)]


async def remove(call: Call) -> Response:
    """PUT Q/job-schedulers/:schedule/remove."""
    if not await remove_schedule(call.queue, call.params["schedule"]):
        raise _missing(call)
    return Response(status_code=204)


async def run(call: Call) -> Response:
    """PUT Q/job-schedulers/:schedule/run: one job out of turn, beside the schedule's runs."""
    queue = call.queue
    job_id = await run_schedule(queue, call.params["schedule"])
    if job_id is None:
        raise _missing(call)
    return json_response({"job": show_job(await get_job(queue, job_id), queue.name, call.board.redaction)})


async def change(call: Call) -> Response:
    """PATCH Q/job-schedulers/:schedule: let it fire at other times."""
    wanted = call.parsed(ChangedSchedule)
    queue = call.queue
    current = await find_schedule(queue, call.params["schedule"])
    if current is None or not await change_schedule(queue, current.id, _recurrence(wanted, current)):
        raise _missing(call)
    return Response(status_code=204)


def _recurrence(wanted: ChangedSchedule, current: Schedule) -> Recurrence:
    pattern = (wanted.pattern or "").strip()
    if bool(pattern) == (wanted.every is not None):
        raise Problem(400, wanted.key, "A schedule needs a pattern or an interval, and not both.")
    end_ms = None
    if wanted.end_date is not None:
        end_ms = whole_number(wanted.end_date, "ERRORS.INVALID_SCHEDULER_END_DATE")
        if end_ms <= datetime.now(UTC).timestamp() * 1000:
            raise Problem(400, "ERRORS.INVALID_SCHEDULER_END_DATE", "The end is past.")
    return Recurrence(
        pattern=CronPattern.parse(pattern, (wanted.tz or "").strip() or current.tz) if pattern else None,
        every_ms=None if pattern else whole_number(wanted.every, "ERRORS.INVALID_SCHEDULER_INTERVAL"),
        start_ms=current.start_ms,
        end_ms=end_ms,
        limit=wanted.limit,
    )


def _missing(call: Call) -> Problem:
    return Problem(404, "ERRORS.JOB_SCHEDULER_NOT_FOUND", f"No schedule {call.params['schedule']!r} in this queue.")
