"""What a request is refused with, in the form that the page understands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from midday_worker.dashboard.json_response import json_response
from midday_worker.errors import (
    InvalidInputError,
    JobNotFoundError,
    JobStateError,
    MiddayWorkerError,
    OptionError,
    PayloadError,
    QueueStateError,
    RedisUnavailableError,
    ScheduledRunError,
    ScheduleError,
)

INVALID_BODY: Final = "ERRORS.INVALID_REQUEST_BODY"
INVALID_QUERY: Final = "ERRORS.INVALID_QUERY_PARAM"
FORBIDDEN: Final = "ERRORS.FORBIDDEN"

_FIELDS: Final = {INVALID_BODY: "body", INVALID_QUERY: "address"}
"""What the page's text names as wrong where nothing nearer is known: it has a place for that."""


class Problem(Exception):
    """A request that is refused.

    Attributes:
        status: HTTP's.
        key: of the page's own text for it.
        message: what is wrong, in English; or a further key of the page's, with its values.
        options: values within the page's text.
        code: for programs.
        headers: of the answer.
        more: further members of the body.
    """

    def __init__(
        self,
        status: int,
        key: str,
        message: str | Mapping[str, object] | None = None,
        *,
        options: Mapping[str, object] | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, object] | None = None,
    ) -> None:
        self.status = status
        self.key = key
        self.message = message
        self.options = {"field": _FIELDS[key], **(options or {})} if key in _FIELDS else options
        self.code = code
        self.headers = headers
        self.more = more
        super().__init__(f"{key} ({message if isinstance(message, str) else code or status})")

    def response(self) -> Response:
        """Return the answer."""
        error: dict[str, object] = {"key": self.key, "options": self.options}
        body: dict[str, object] = {
            "error": {name: value for name, value in error.items() if value is not None},
            "message": self.message,
            "code": self.code,
            **(self.more or {}),
        }
        return json_response(
            {name: value for name, value in body.items() if value is not None}, self.status, self.headers
        )


def wrong_parameter(name: str, message: str | None = None) -> Problem:
    """Return what a parameter of the query is refused with."""
    return Problem(400, "ERRORS.INVALID_QUERY_PARAM", message, options={"field": name}, code="INVALID_REQUEST")


def problem_of(error: MiddayWorkerError) -> Problem:
    """Return what one of this library's errors is answered with."""
    if isinstance(error, JobNotFoundError):
        return Problem(404, "ERRORS.JOB_NOT_FOUND", str(error))
    if isinstance(error, ScheduledRunError):
        return _scheduled_run(error)
    if isinstance(error, JobStateError):
        return _job_state(error)
    if isinstance(error, QueueStateError):
        return _queue_state(error)
    if isinstance(error, ScheduleError):
        return Problem(400, "ERRORS.INVALID_SCHEDULER_PATTERN", str(error))
    if isinstance(error, PayloadError):
        return Problem(400, INVALID_BODY, str(error), options={"field": "data"}, code="INVALID_PAYLOAD")
    if isinstance(error, OptionError):
        return Problem(400, INVALID_BODY, str(error), options={"field": error.option}, code="INVALID_REQUEST")
    if isinstance(error, InvalidInputError):
        return Problem(400, INVALID_BODY, str(error), code="INVALID_REQUEST")
    if isinstance(error, RedisUnavailableError):
        # Many jobs may have been acted on before the command that it says nothing was written of.
        message = str(error) if error.may_have_been_written else error.problem
        return Problem(503, "ERRORS.REDIS_UNAVAILABLE", message)
    return Problem(500, "ERRORS.INTERNAL_SERVER_ERROR", str(error))


def _scheduled_run(error: ScheduledRunError) -> Problem:
    details = {
        "key": "ERRORS.JOB_BELONGS_TO_JOB_SCHEDULER_DETAILS",
        "options": {"jobId": error.job_id, "jobSchedulerId": error.schedule_id},
    }
    return Problem(
        400,
        "ERRORS.JOB_BELONGS_TO_JOB_SCHEDULER",
        details,
        code="JOB_BELONGS_TO_JOB_SCHEDULER",
        more={"jobSchedulerId": error.schedule_id},
    )


def _job_state(error: JobStateError) -> Problem:
    if error.act == "retried":
        return Problem(400, "ERRORS.JOB_NOT_RETRIABLE", str(error), options={"state": error.state})
    if error.act in ("promoted", "rescheduled"):
        return Problem(400, "ERRORS.JOB_NOT_DELAYED", str(error), options={"status": error.state})
    if error.state == "active":
        details = {"key": "ERRORS.JOB_IS_ACTIVE_DETAILS", "options": {"jobId": error.job_id}}
        return Problem(409, "ERRORS.JOB_IS_ACTIVE", details)
    return Problem(400, INVALID_BODY, str(error), code="JOB_STATE")


def _queue_state(error: QueueStateError) -> Problem:
    if error.active is None:
        return Problem(400, "ERRORS.QUEUE_NOT_PAUSED", str(error))
    details = {"key": "ERRORS.QUEUE_HAS_ACTIVE_JOBS_DETAILS"}
    return Problem(409, "ERRORS.QUEUE_HAS_ACTIVE_JOBS", details)
