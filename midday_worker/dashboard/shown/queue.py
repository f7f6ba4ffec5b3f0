"""Queues, workers, schedules and figures as the page shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from midday_worker.admin import (
    QueueOverview,
    Schedule,
    ScheduleRuns,
    ServerInfo,
    Throughput,
    WorkerClient,
)
from midday_worker.dashboard.shown.redaction import Redaction, Shown

STATUSES: Final = ("active", "waiting", "waiting-children", "prioritized", "completed", "failed", "delayed")
"""The tabs of the page, in order."""


def statuses_of(overview: QueueOverview) -> tuple[str, ...]:
    """Return the states that are shown of a queue. Only older Node producers put jobs into `paused`."""
    return (*STATUSES, "paused") if overview.counts.get("paused") else STATUSES


def show_queue(
    overview: QueueOverview,
    jobs: list[dict[str, object]],
    pagination: Mapping[str, object],
    *,
    read_only: bool,
    has_workers: bool | None,
) -> dict[str, object]:
    """Return a queue, with a page of its jobs."""
    statuses = statuses_of(overview)
    return {
        "name": overview.name,
        "statuses": ["latest", *statuses],
        "counts": {status: overview.counts.get(status, 0) for status in statuses},
        "jobs": jobs,
        "pagination": pagination,
        "readOnlyMode": read_only,
        "allowRetries": not read_only,
        "allowCompletedRetries": not read_only,
        "isPaused": overview.paused,
        "type": "bullmq",
        "delimiter": "",
        "globalConcurrency": overview.concurrency,
        "activeRateLimitTtl": overview.limited_ms,
        "supportsGlobalRateLimit": True,
        "jobSchedulerCount": overview.schedules,
        "hasWorkers": has_workers,
        **({"description": overview.away} if overview.away else {}),
    }


def show_worker(worker: WorkerClient) -> dict[str, object]:
    """Return a worker."""
    return {"id": worker.id, "name": worker.name, "addr": worker.address, "age": worker.age_s}


def show_throughput(throughput: Throughput) -> dict[str, object]:
    """Return how many jobs ended by the minute."""
    return {
        "meta": {"count": throughput.total, "prevTS": throughput.counted_ms, "prevCount": throughput.counted},
        "data": list(throughput.by_minute),
        "count": throughput.minutes,
    }


def show_schedule(schedule: Schedule, runs: ScheduleRuns, redaction: Redaction) -> dict[str, object]:
    """Return a schedule; what it hasn't is left out."""
    optional: dict[str, object] = {
        "pattern": schedule.pattern,
        "every": schedule.every_ms,
        "tz": schedule.tz,
        "limit": schedule.limit,
        "startDate": schedule.start_ms,
        "endDate": schedule.end_ms,
        "next": schedule.next_run_ms,
        "nextRunJobId": runs.next_id,
        "lastRun": runs.last_ms,
        "lastRunJobId": runs.last_id,
        "iterationCount": schedule.iterations or None,
    }
    return {
        "id": schedule.id,
        "queueName": schedule.queue,
        "name": schedule.job,
        **{name: value for name, value in optional.items() if value is not None},
        "template": {
            "data": redaction.value(Shown(schedule.data, "data", schedule.queue, schedule.job)),
            "opts": {name: value for name, value in schedule.options.items() if value is not None},
        },
    }


def show_server(server: ServerInfo) -> dict[str, object]:
    """Return what Redis says about itself."""
    return {
        "backend": "redis",
        "version": server.version,
        "mode": server.mode,
        "port": server.port,
        "os": server.os,
        "uptime": server.uptime_s,
        "memory": {
            "total": server.memory_total,
            "used": server.memory_used,
            "fragmentationRatio": server.fragmentation,
            "peak": server.memory_peak,
        },
        "clients": {"connected": server.clients, "blocked": server.blocked_clients},
    }
