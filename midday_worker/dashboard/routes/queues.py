"""Reads on queues."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from midday_worker.admin import JobSnapshot, QueueOverview, read_overview, read_page, read_server, read_throughput
from midday_worker.dashboard.call import Call
from midday_worker.dashboard.error_response import Problem, wrong_parameter
from midday_worker.dashboard.job_schema import job_data_schema, job_defaults
from midday_worker.dashboard.json_response import json_response
from midday_worker.dashboard.shown.job import show_job
from midday_worker.dashboard.shown.queue import (
    STATUSES,
    show_queue,
    show_server,
    show_throughput,
    show_worker,
    statuses_of,
)

MOST_JOBS: Final = 300
"""How many jobs a page may have."""

LONGEST_LISTED: Final = 32_768
"""How large a payload may be that is shown in a list, in bytes; a job's own page shows more."""

_LATEST: Final = "latest"
_LAST_PAGE: Final = 10**9


@dataclass(frozen=True, slots=True)
class _Query:
    """Which jobs of which queue are asked for."""

    queue: str | None
    status: str
    page: int
    per_page: int

    @classmethod
    def of(cls, call: Call) -> _Query:
        status = call.asked("status") or _LATEST
        if status not in (_LATEST, "paused", *STATUSES):
            raise wrong_parameter("status")
        return cls(
            call.asked_queue("activeQueue"),
            status,
            call.asked_number("page", _LAST_PAGE) or 1,
            call.asked_number("jobsPerPage", MOST_JOBS) or 10,
        )

    def window(self, overview: QueueOverview) -> tuple[tuple[str, ...], dict[str, object], int, int]:
        """Return the states that are read, the pagination, and the first and last place."""
        latest = self.status == _LATEST or self.queue != overview.name
        states = statuses_of(overview) if latest else (self.status,)
        start = 0 if latest else (self.page - 1) * self.per_page
        end = start + self.per_page - 1
        pages = 1 if latest else -(-overview.counts.get(self.status, 0) // self.per_page)
        return states, {"pageCount": pages, "range": {"start": start, "end": end}}, start, end


async def list_queues(call: Call) -> Response:
    """GET /queues: every queue at a glance, and a page of the active one's jobs."""
    query = _Query.of(call)
    overviews, workers = await asyncio.gather(call.board.overviews(), call.board.workers())
    queues = [
        await _shown(call, query, overview, None if workers is None else bool(workers.get(overview.name)))
        for overview in overviews.values()
    ]
    return json_response({"queues": queues})


async def _shown(call: Call, query: _Query, overview: QueueOverview, has_workers: bool | None) -> dict[str, object]:
    states, pagination, start, end = query.window(overview)
    jobs: list[JobSnapshot] = []
    queue = call.board.queue(overview.name)
    if queue is not None and query.queue == overview.name and not overview.away:
        jobs = await read_page(queue, states, start, end, longest=LONGEST_LISTED)
    shown = [show_job(job, overview.name, call.board.redaction) for job in jobs]
    return show_queue(overview, shown, pagination, read_only=call.read_only, has_workers=has_workers)


async def show_metrics(call: Call) -> Response:
    """GET Q/metrics: how many jobs ended by the minute."""
    completed, failed = await asyncio.gather(
        read_throughput(call.queue, "completed"), read_throughput(call.queue, "failed")
    )
    return json_response({"completed": show_throughput(completed), "failed": show_throughput(failed)})


async def show_default_options(call: Call) -> Response:
    """GET Q/default-job-options: those of the queue's jobs."""
    return json_response(job_defaults(call.board.registry, call.queue.name))


async def show_data_schema(call: Call) -> Response:
    """GET Q/job-data-schema: what the queue's jobs accept."""
    return json_response(job_data_schema(call.board.definitions(call.queue.name)))


async def list_workers(call: Call) -> Response:
    """GET Q/workers: who consumes the queue, in either language."""
    workers = await call.board.workers()
    queue = call.queue.name
    return json_response(
        {"workers": None if workers is None else [show_worker(worker) for worker in workers.get(queue, [])]}
    )


async def show_rate_limit(call: Call) -> Response:
    """GET Q/rate-limit: how fast the queue's jobs may start."""
    rate = (await read_overview(call.queue)).rate
    limit = None if rate is None else {"max": rate.max, "duration": rate.duration_ms}
    return json_response({"supported": True, "rateLimit": limit})


async def show_redis(call: Call) -> Response:
    """GET /redis/stats: what Redis says about itself."""
    if call.board.ui_config.get("hideRedisDetails"):
        raise Problem(403, "ERRORS.FORBIDDEN", "This dashboard doesn't show Redis's figures.")
    there, _ = await call.board.reachable(call.board.names)
    return json_response(show_server(await read_server(there[0])) if there else {})
