"""The routes of the HTTP side."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from midday_worker import __version__
from midday_worker.workers.http.refusal import HEADERS, refused
from midday_worker.workers.status import QueueStatus, ServiceStatus, StatusSource

_UNAVAILABLE: Final = 503
_NOT_IMPLEMENTED: Final = 501
_NO_METRICS: Final = "The metrics need a package that isn't installed: pip install 'midday-worker[metrics]'\n"


def create_app(source: StatusSource) -> Starlette:
    """Return the HTTP side of a service, which `source` knows."""

    async def health(_request: Request) -> Response:
        silent = (await source.status()).silent
        body = {"status": "unwell" if silent else "ok", "silent_processes": list(silent)}
        return _json(body, _UNAVAILABLE if silent else 200)

    async def ready(_request: Request) -> Response:
        status = await source.status()
        return _json(_readiness(status), _UNAVAILABLE if status.reasons else 200)

    async def info(_request: Request) -> Response:
        return _json(_info(await source.status()))

    async def metrics(_request: Request) -> Response:
        try:
            from midday_worker.telemetry.metrics.exposition import CONTENT_TYPE, expose
        except ImportError:
            return PlainTextResponse(_NO_METRICS, _NOT_IMPLEMENTED, HEADERS)
        # In a thread: thousands of lines take milliseconds, which jobs need not wait.
        text = await asyncio.to_thread(expose, await source.metrics())
        return Response(text, headers={**HEADERS, "Content-Type": CONTENT_TYPE})

    endpoints = {"/health": health, "/health/ready": ready, "/info": info, "/metrics": metrics}
    return Starlette(
        routes=[_get(path, endpoint) for path, endpoint in endpoints.items()],
        exception_handlers={HTTPException: refused, Exception: refused},
    )


def _get(path: str, endpoint: Callable[[Request], Awaitable[Response]]) -> Route:
    return Route(path, endpoint, methods=["GET"])


def _json(body: object, status: int = 200) -> Response:
    return JSONResponse(body, status, HEADERS)


def _readiness(status: ServiceStatus) -> dict[str, object]:
    processes = [
        {
            "process": each.process,
            "pid": each.pid,
            "ready": not each.reasons,
            "redis": each.redis,
            "database": each.database,
            "queues": {
                queue.queue: {"run_loop_alive": queue.alive, "fetching": queue.fetching} for queue in each.queues
            },
        }
        for each in status.processes
    ]
    return {"ready": not status.reasons, "reasons": list(status.reasons), "processes": processes}


def _info(status: ServiceStatus) -> dict[str, object]:
    # All processes of a service run the same jobs: the first that has answered tells.
    first = next(iter(status.processes), None)
    queues: tuple[QueueStatus, ...] = () if first is None else first.queues
    return {
        "version": __version__,
        "environment": status.environment,
        "processes": [
            {"process": each.process, "pid": each.pid, "started_at": each.started_at} for each in status.processes
        ],
        "queues": [
            {"queue": queue.queue, "concurrency": queue.concurrency, "rate_limit": _limit(queue.rate_limit)}
            for queue in queues
        ],
        "jobs": [] if first is None else [asdict(job) for job in first.jobs],
    }


def _limit(limit: tuple[int, int] | None) -> dict[str, int] | None:
    return None if limit is None else {"max": limit[0], "per_ms": limit[1]}
