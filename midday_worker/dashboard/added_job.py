"""Payloads and options that were typed into the page, checked as those of a trigger."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import Final, cast

from midday_worker.dashboard.board import Board
from midday_worker.dashboard.bodies import AddedJob
from midday_worker.dashboard.error_response import INVALID_BODY, Problem
from midday_worker.definition.declaration import JobDeclaration
from midday_worker.definition.definition import JobDefinition
from midday_worker.errors import OptionError
from midday_worker.options import CallOptions, check_options
from midday_worker.request import JobRequest
from midday_worker.schema.schema import Schema

_NAMES: Final = {
    "attempts": "attempts",
    "backoff": "backoff",
    "deduplication": "deduplication",
    "delay": "delay",
    "jobId": "job_id",
    "keepLogs": "keep_logs",
    "lifo": "lifo",
    "priority": "priority",
    "removeOnComplete": "remove_on_complete",
    "removeOnFail": "remove_on_fail",
    "stackTraceLimit": "stack_trace_limit",
}
"""BullMQ's options by our names for them."""

_UNNAMED: Final = ("", "__default__")
"""What the form sends for a job without a name."""

_KEEPING: Final = ("remove_on_complete", "remove_on_fail")


def request_of(board: Board, queue: str, added: AddedJob) -> JobRequest:
    """Return the request of a job that was typed into the page.

    Raises:
        PayloadError: its payload doesn't match its job's schema.
        OptionError: an option isn't one of a call.
        Problem: the queue has jobs of this program, and none of this name.
    """
    options = cast("CallOptions", _call_options(added.job_options))
    definition = _definition(board, queue, added.name) or JobDeclaration(
        added.name,
        Schema[object](object),
        None,
        queue=queue,
        options=check_options({}),
        queues=board.registry.queues,
        defined_at="the dashboard",
        version=1,
        schedules=(),
    )
    return definition.dictionary_node(added.data, **options)


def checked_data(board: Board, queue: str, job: str, data: object) -> tuple[object, int | None]:
    """Return the payload of a stored job and its version, if this program knows it. Raises PayloadError, Problem."""
    definition = board.registry.find(job)
    if definition is None or definition.queue != queue:
        size = len(json.dumps(data).encode())
        if size > board.client.settings.max_payload_bytes:
            message = f"The payload has {size:,} bytes."
            raise Problem(400, INVALID_BODY, message, options={"field": "jobData"}, code="INVALID_PAYLOAD")
        return data, None
    request = definition.dictionary_node(data)
    request.check_stored(board.client.settings.max_payload_bytes)
    return request.data, request.version


def _definition(board: Board, queue: str, name: str) -> JobDefinition[object, object] | None:
    known = {definition.id: definition for definition in board.definitions(queue)}
    named = name not in _UNNAMED
    if name in known:
        return known[name]
    if not named and len(known) == 1:
        return next(iter(known.values()))
    if not known and name:
        return None
    near = ", ".join(map(repr, difflib.get_close_matches(name, known, n=3) or sorted(known)[:10]))
    hint = f" There are: {near}." if near else ""
    message = f"Queue {queue} has no job {name!r}.{hint}" if named else f"The job needs a name.{hint}"
    raise Problem(400, INVALID_BODY, message, options={"field": "name"}, code="UNKNOWN_JOB")


def _call_options(given: Mapping[str, object]) -> dict[str, object]:
    options: dict[str, object] = {}
    for name, value in given.items():
        ours = _NAMES.get(name)
        if ours is None:
            raise OptionError(name, f"Option {name!r} can't be given here; accepted: {', '.join(sorted(_NAMES))}.")
        if value is not None:
            options[ours] = _in_milliseconds(value) if ours in _KEEPING else value
    return options


def _in_milliseconds(keep: object) -> object:
    """Return a retention with its age in ms: BullMQ's is in seconds."""
    if not isinstance(keep, dict):
        return keep
    members = dict(cast("dict[str, object]", keep))
    age = members.get("age")
    if isinstance(age, int | float) and not isinstance(age, bool):
        members["age"] = round(age * 1000)
    return members
