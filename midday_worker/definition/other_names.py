"""Errors for triggers that are called by the names that other libraries have for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_TRIGGERS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("delay", "kiq", "send", "enqueue", "add", "push", "defer", "submit"), "trigger(payload)"),
    **dict.fromkeys(("apply_async", "send_with_options", "kicker", "configure"), 'trigger(payload, delay="5m", ...)'),
    **dict.fromkeys(("add_bulk", "enqueue_many", "map"), "batch_trigger(items)"),
    **dict.fromkeys(("repeat", "schedule", "cron"), 'trigger_recurring(payload, "0 9 * * *")'),
}


def missing_trigger(job: object, name: str) -> AttributeError:
    """Return the error for an attribute that a job doesn't have, with what it is called here if it is known."""
    text = f"{type(job).__name__!r} object has no attribute {name!r}"
    if name in _TRIGGERS:
        text += f": here it is `{_TRIGGERS[name]}`, which is awaited, or `.sync.{_TRIGGERS[name]}`, which blocks"
    return AttributeError(text, name=name, obj=job)


def not_called(job: object) -> TypeError:
    """Return the error for a job that is called as its handler was."""
    return TypeError(
        f"{job!r} isn't called: `await job.trigger(payload)` adds a job, or `job.sync.trigger(payload)` where there is "
        "no event loop; `job.handler` is the function."
    )
