"""The bodies of requests, and how they are checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, NoReturn, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from midday_worker.dashboard.error_response import INVALID_BODY, Problem
from midday_worker.options import MAX_PRIORITY

_LARGEST: Final = 2**53 - 1
"""The largest integer that the page can hold."""


class Body(BaseModel):
    """What comes with a request. `key` is the page's text for a wrong one."""

    model_config = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True)
    key: ClassVar[str] = INVALID_BODY
    options: ClassVar[Mapping[str, object] | None] = None


class AddedJob(Body):
    """A job that is to be added."""

    name: str = ""
    data: object = None
    job_options: dict[str, object] = Field(default_factory=dict, alias="options")


class ChangedData(Body):
    """Another payload."""

    job_data: object = Field(alias="jobData")


class ChangedDelay(Body):
    """When a delayed job shall run, in epoch milliseconds."""

    key = "ERRORS.INVALID_RUN_AT"
    run_at: Annotated[float, Field(alias="runAt", ge=-_LARGEST, le=_LARGEST, allow_inf_nan=False)]


class ChangedPriority(Body):
    """Another priority."""

    key = "ERRORS.INVALID_PRIORITY"
    options = {"max": MAX_PRIORITY}
    priority: int = Field(ge=0, le=MAX_PRIORITY)


class ChangedConcurrency(Body):
    """How many jobs may run at once; 0 for any number."""

    key = "ERRORS.INVALID_CONCURRENCY"
    concurrency: int = Field(ge=0, le=2**31 - 1)


class ChangedRate(Body):
    """At most `max` jobs in `duration` milliseconds; without `max` as many as can be."""

    key = "ERRORS.INVALID_RATE_LIMIT"
    max: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    duration: object = None


class Obliteration(Body):
    """Whether a queue is removed although jobs of it are running."""

    force: bool | None = None


class ChangedSchedule(Body):
    """When a schedule shall fire; either `pattern` or `every`. Times are (epoch) milliseconds."""

    key = "ERRORS.INVALID_SCHEDULER_SCHEDULE"
    pattern: str | None = None
    every: float | str | None = None
    tz: str | None = None
    limit: Annotated[int, Field(ge=1, le=_LARGEST)] | None = None
    end_date: float | str | None = Field(default=None, alias="endDate")


BodyT = TypeVar("BodyT", bound=Body)


def parse_body(kind: type[BodyT], raw: bytes) -> BodyT:
    """Return what a request's body says; none counts as an empty one. Raises Problem."""
    try:
        value = cast("object", json.loads(raw or b"{}", parse_constant=_refuse))
        # Half a surrogate pair can't be written to Redis.
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        message = f"The body is not JSON in UTF-8: {type(error).__name__}."
        raise Problem(400, INVALID_BODY, message, code="INVALID_REQUEST") from error
    return checked(kind, value)


def checked(kind: type[BodyT], value: object) -> BodyT:
    """Return what a value says. Raises Problem."""
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        field = ".".join(map(str, first["loc"]))
        message = f"{field}: {first['msg']}" if field else first["msg"]
        options = kind.options or ({"field": field} if field else None)
        raise Problem(400, kind.key, message, options=options, code="INVALID_REQUEST") from error


def whole_number(value: object, key: str) -> int:
    """Return a number above 0 that came as one, or as text. Raises Problem."""
    try:
        number = round(float(cast("str | float", value)))
    except (TypeError, ValueError, OverflowError):
        number = 0
    if isinstance(value, bool) or not 1 <= number <= _LARGEST:
        raise Problem(400, key, "Accepted: a number above 0.", code="INVALID_REQUEST")
    return number


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
