"""A play through all routes of the contract, with what each of them answered."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from tests.integration.dashboard.visitor import Answer, Visitor, at


@dataclass(frozen=True, slots=True)
class Scene:
    """One answer, and bull-board's name for its shape."""

    shape: str
    asked: str
    answer: Answer


EMPTY = "EmptyResponse"


async def reads(visitor: Visitor, ids: Mapping[str, str], hostile: str) -> AsyncIterator[Scene]:
    """Ask all that can be read."""
    asked = {
        "GetRedisStatsResponse": ["/api/redis/stats"],
        "GetQueuesResponse": [
            "/api/queues",
            *(
                f"/api/queues?activeQueue=emails&status={status}&page=1&jobsPerPage=20"
                for status in ("latest", "failed")
            ),
            "/api/queues?activeQueue=reports&status=&page=&jobsPerPage=",
        ],
        "GetJobSchedulersResponse": ["/api/job-schedulers", "/api/job-schedulers?queueName=emails"],
        "GetQueueMetricsResponse": [at("emails", "metrics")],
        "GetQueueDefaultJobOptionsResponse": [at("emails", "default-job-options")],
        "GetQueueJobDataSchemaResponse": [at("emails", "job-data-schema")],
        "GetQueueWorkersResponse": [at("emails", "workers")],
        "GetQueueRateLimitResponse": [at("emails", "rate-limit")],
        "GetJobResponse": [at("emails", ids[name]) for name in ("ada", "nobody", "later", "vip", "child")]
        + [at("reports", ids["flow"]), at("emails", hostile)],
        "GetJobLogsResponse": [at("emails", ids["ada"], "logs"), at("emails", "missing", "logs")],
        "GetJobFlowResponse": [
            at("emails", ids["child"], "flow"),
            at("reports", ids["flow"], "flow") + "?root=node&depth=1&maxChildren=1",
            at("emails", ids["ada"], "flow"),
        ],
    }
    for shape, paths in asked.items():
        for path in paths:
            yield Scene(shape, f"GET {path}", await visitor.get(path))


async def acts(visitor: Visitor, ids: Mapping[str, str]) -> AsyncIterator[Scene]:
    """Do all that can be done, so that each succeeds."""
    added = {
        "name": "send-mail",
        "data": {"userId": "new"},
        "options": {"delay": 60_000, "removeOnComplete": {"age": 5}},
    }
    done: list[tuple[str, str, str, object]] = [
        (EMPTY, "PUT", "/api/queues/pause", None),
        (EMPTY, "PUT", "/api/queues/resume", None),
        ("AddJobResponse", "POST", at("emails", "add"), added),
        (EMPTY, "PATCH", at("emails", ids["later"], "update-data"), {"jobData": {"userId": "changed"}}),
        (EMPTY, "PATCH", at("emails", ids["later"], "delay"), {"runAt": 4_000_000_000_000}),
        (EMPTY, "PATCH", at("emails", ids["vip"], "priority"), {"priority": 9}),
        (EMPTY, "PUT", at("emails", ids["nobody"], "retry"), None),
        (EMPTY, "PUT", at("emails", ids["later"], "promote"), None),
        (EMPTY, "PUT", at("emails", ids["next"], "clean"), None),
        ("RemoveUnprocessedChildrenResponse", "PUT", at("reports", ids["flow"], "remove-unprocessed-children"), None),
        ("RunJobSchedulerResponse", "PUT", at("emails", "job-schedulers", "hourly", "run"), None),
        (EMPTY, "PATCH", at("emails", "job-schedulers", "hourly"), {"pattern": "0 8 * * *", "tz": "UTC", "limit": 4}),
        (EMPTY, "PUT", at("emails", "job-schedulers", "hourly", "remove"), None),
        ("RetryAllResponse", "PUT", at("emails", "retry", "completed"), None),
        (EMPTY, "PUT", at("emails", "promote"), None),
        (EMPTY, "PUT", at("emails", "concurrency"), {"concurrency": 4}),
        (EMPTY, "PUT", at("emails", "rate-limit"), {"max": 5, "duration": 1_000}),
        ("GetQueueRateLimitResponse", "GET", at("emails", "rate-limit"), None),
        (EMPTY, "PUT", at("emails", "rate-limit", "release"), None),
        (EMPTY, "PUT", at("emails", "rate-limit"), {"max": None}),
        (EMPTY, "PUT", at("emails", "clean", "delayed"), None),
        (EMPTY, "PUT", at("emails", "pause"), None),
        (EMPTY, "PUT", at("emails", "empty"), None),
        (EMPTY, "PUT", at("emails", "obliterate"), {"force": False}),
        (EMPTY, "PUT", at("emails", "resume"), None),
    ]
    for shape, method, path, body in done:
        yield Scene(shape, f"{method} {path}", await visitor.act(method, path, body))


async def mistakes(visitor: Visitor, ids: Mapping[str, str]) -> AsyncIterator[Scene]:
    """Ask what is refused."""
    done: list[tuple[str, str, object]] = [
        ("GET", "/api/nothing", None),
        ("DELETE", "/api/queues", None),
        ("GET", at("unknown", "metrics"), None),
        ("GET", at("emails", "missing"), None),
        ("GET", "/api/queues?page=0", None),
        ("GET", "/static/../app.py", None),
        ("PUT", at("emails", ids["next"], "retry"), None),
        ("PUT", at("emails", ids["next"], "promote"), None),
        ("PUT", at("emails", "retry", "active"), None),
        ("PUT", at("emails", "obliterate"), {}),
        ("PUT", at("emails", "concurrency"), {"concurrency": -1}),
        ("PUT", at("emails", "rate-limit"), {"max": 0}),
        ("PATCH", at("emails", ids["next"], "priority"), {"priority": 2**30}),
        ("PATCH", at("emails", ids["later"], "delay"), {"runAt": "soon"}),
        ("PUT", at("emails", "job-schedulers", "missing", "run"), None),
        ("PATCH", at("emails", "job-schedulers", "hourly"), {"pattern": "every day"}),
        ("PATCH", at("emails", "job-schedulers", "hourly"), {}),
        ("POST", at("emails", "add"), {"name": "send-mail", "data": {}}),
        ("POST", at("emails", "add"), {"name": "send-mial", "data": {}}),
        ("PUT", at("emails", ids["next"], "remove-unprocessed-children"), None),
    ]
    for method, path, body in done:
        yield Scene("ErrorResponseBody", f"{method} {path}", await visitor.act(method, path, body))
