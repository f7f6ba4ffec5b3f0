"""What a worker and its children say to each other: one JSON object per line."""

from __future__ import annotations

import json
from typing import Literal, NotRequired, TypedDict, cast


class Message(TypedDict):
    """One message. To a child: settings, a call, a cancellation, a reply; from it: an ask, a log line, an outcome."""

    kind: Literal["settings", "call", "cancel", "reply", "ask", "log", "place", "result", "failure"]
    number: NotRequired[int]
    """Which ask a reply answers."""
    body: NotRequired[object]


class HandlerCall(TypedDict):
    """What a child needs to run a handler."""

    modules: list[str]
    """Where the job may be defined, the likeliest first."""
    job: str
    queue: str
    job_id: str
    data: object
    version: int
    payload: str | None
    """JSON of what the handler is given in place of `data`, of the newest version; None if that is it."""
    attempt: int
    attempts: int
    trace: str | None
    """OpenTelemetry's carrier of the attempt's span, if there is one."""


class Ask(TypedDict):
    """What a handler wants done where the connection to Redis is."""

    act: Literal["progress", "log", "children", "place"]
    value: object


class Reply(TypedDict):
    """What came of an ask: a value, or what was wrong."""

    problem: str | None
    value: object


class LogLine(TypedDict):
    """One line of a child's log."""

    level: str
    level_number: int
    text: str
    name: str | None
    function: str
    line: int
    extra: dict[str, object]


def packed(message: Message) -> bytes:
    """Return a message as it travels."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def unpacked(line: bytes) -> Message:
    """Return the message of a line."""
    return cast("Message", json.loads(line))
