"""A job's id: what may be chosen as one, and what can be one."""

from __future__ import annotations

import re
from typing import Final

from midday_worker.errors import OptionError

RESERVED_IDS: Final = frozenset(
    {
        *("active", "wait", "waiting-children", "paused", "completed", "failed", "delayed", "prioritized"),
        *("repeat", "stalled", "stalled-check", "limiter", "id", "meta", "pc", "events", "marker", "de"),
        "limits",  # ours, of limits per key
    }
)
"""The own keys of a queue, BullMQ's and ours. Each job's lies beside them, under its id, and would overwrite one."""


def check_new_id(value: object) -> str:
    """Return an id that was chosen for a job. Raises OptionError."""
    if not isinstance(value, str) or not value or ":" in value or re.fullmatch(r"-?\d+", value):
        raise _refuse(value, 'a non-empty text without ":" that is not an integer (BullMQ keeps those for itself)')
    if not value.isprintable():
        raise _refuse(value, "printable characters")
    return check_known_id(value)


def check_known_id(value: object) -> str:
    """Return an id that a job may have, whoever added it. Raises OptionError."""
    if not isinstance(value, str) or not value:
        raise _refuse(value, "a non-empty text")
    if value in RESERVED_IDS:
        raise _refuse(value, "a text that is none of the names that BullMQ keeps for a queue's own keys")
    return value


def _refuse(value: object, accepted: str) -> OptionError:
    return OptionError("job_id", f"Option job_id is {value!r}; accepted: {accepted}.")
