"""All routes: those of the contract, and those of our own page; in the order in which they are tried."""

from __future__ import annotations

from typing import Final

from starlette.routing import Route

from midday_worker.dashboard.contracts import page as contracts
from midday_worker.dashboard.router import Handler
from midday_worker.dashboard.routes import job_acts, jobs, page, queue_acts, queues, schedulers
from midday_worker.dashboard.runs import page as runs_page
from midday_worker.dashboard.runs import routes as runs
from midday_worker.dashboard.static import show_file

_Q: Final = "/api/queues/{queue}"
_JOB: Final = f"{_Q}/{{job}}"
_SCHEDULE: Final = f"{_Q}/job-schedulers/{{schedule}}"


def _get(path: str, handler: Handler) -> Route:
    return Route(path, handler, methods=["GET"])


def _put(path: str, handler: Handler) -> Route:
    return Route(path, handler, methods=["PUT"])


def _patch(path: str, handler: Handler) -> Route:
    return Route(path, handler, methods=["PATCH"])


_PAGE: Final = [
    _get(path, page.show)
    for path in ("/", "/metrics-history", "/job-schedulers", "/queue/{queue}", "/queue/{queue}/{job}")
]

_READS: Final = [
    _get("/api/redis/stats", queues.show_redis),
    _get("/api/queues", queues.list_queues),
    _get("/api/job-schedulers", schedulers.list_all),
    _get(f"{_Q}/metrics", queues.show_metrics),
    _get(f"{_Q}/default-job-options", queues.show_default_options),
    _get(f"{_Q}/workers", queues.list_workers),
    _get(f"{_Q}/rate-limit", queues.show_rate_limit),
    _get(f"{_Q}/job-data-schema", queues.show_data_schema),
    _get(f"{_JOB}/logs", jobs.show_logs),
    _get(f"{_JOB}/flow", jobs.show_flow_of),
    _get(_JOB, jobs.show),
]

_QUEUE_ACTS: Final = [
    _put("/api/queues/pause", queue_acts.pause_all),
    _put("/api/queues/resume", queue_acts.resume_all),
    Route(f"{_Q}/add", queue_acts.add, methods=["POST"]),
    _put(f"{_Q}/retry/{{status}}", queue_acts.retry),
    _put(f"{_Q}/promote", queue_acts.promote),
    _put(f"{_Q}/clean/{{status}}", queue_acts.clean),
    _put(f"{_Q}/pause", queue_acts.pause),
    _put(f"{_Q}/resume", queue_acts.resume),
    _put(f"{_Q}/concurrency", queue_acts.change_concurrency),
    _put(f"{_Q}/rate-limit", queue_acts.change_rate),
    _put(f"{_Q}/rate-limit/release", queue_acts.release_rate),
    _put(f"{_Q}/empty", queue_acts.empty),
    _put(f"{_Q}/obliterate", queue_acts.obliterate),
]

_SCHEDULE_ACTS: Final = [
    _put(f"{_SCHEDULE}/remove", schedulers.remove),
    _put(f"{_SCHEDULE}/run", schedulers.run),
    _patch(_SCHEDULE, schedulers.change),
]

_JOB_ACTS: Final = [
    _put(f"{_JOB}/retry", job_acts.retry),
    _put(f"{_JOB}/clean", job_acts.remove),
    _put(f"{_JOB}/promote", job_acts.promote),
    _patch(f"{_JOB}/update-data", job_acts.update_data),
    _patch(f"{_JOB}/delay", job_acts.delay),
    _patch(f"{_JOB}/priority", job_acts.priority),
    _put(f"{_JOB}/remove-unprocessed-children", job_acts.remove_children),
]

_RUNS: Final = [
    _get("/runs", runs_page.show),
    _get("/api/runs", runs.list_all),
    _get("/api/runs/names", runs.show_names),
    _get("/api/runs/count", runs.count),
    Route("/api/runs/act", runs.act, methods=["POST"]),
    _get("/api/runs/{queue}/{job}/tail", runs.follow),
    _get("/contracts", contracts.show),
]

ROUTES: Final = (
    *_PAGE,
    *_READS,
    *_QUEUE_ACTS,
    *_SCHEDULE_ACTS,
    *_JOB_ACTS,
    *_RUNS,
    _get("/static/{path:path}", show_file),
)
