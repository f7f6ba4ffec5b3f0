"""A run as the page shows it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Final, Literal

from midday_worker.admin.runs import Run, Show
from midday_worker.dashboard.shown.redaction import NOT_SHOWN, Redaction, Shown, key_shown

_LONGEST: Final = 2_000
"""How many characters of a payload or a failure a list shows; the run's own answer has all."""

_UNREADABLE: Final = {NOT_SHOWN: "it can't be read"}


def show_with(redaction: Redaction) -> Show:
    """Return what shows runs so that nothing can be found that isn't shown."""

    def show(run: Run) -> Run:
        def value(stored: object, field: Literal["data", "progress", "failure"]) -> object:
            return redaction.value(Shown(stored, field, run.queue, run.name))

        return replace(
            run,
            data=value(run.data, "data") if run.readable else _UNREADABLE,
            progress=value(run.progress, "progress"),
            waits_for=key_shown(redaction, run.waits_for, run.queue, run.name),
            reason=None if run.reason is None else _text(value(run.reason, "failure")),
        )

    return show


def listed(run: Run) -> dict[str, object]:
    """Return a run that `show_with` has shown, as a list has it; what it hasn't is left out."""
    optional: dict[str, object] = {
        "started": run.started_ms,
        "finished": run.finished_ms,
        "due": run.due_ms,
        "priority": run.priority or None,
        "reason": _shortened(run.reason) if isinstance(run.reason, str) else None,
        "scheduled": run.scheduled or None,
        "waitsFor": run.waits_for,
    }
    return {
        "queue": run.queue,
        "id": run.id,
        "name": run.name,
        "state": run.state,
        "at": run.at_ms,
        "added": run.added_ms,
        "attempts": run.attempts,
        "progress": run.progress,
        "data": _small(run.data),
        **{name: value for name, value in optional.items() if value is not None},
    }


def _text(value: object) -> str:
    return value if isinstance(value, str) else str(value)


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ... ({len(text):,} characters)"


def _small(data: object) -> object:
    """Return a payload, or its beginning as text if it is large: a page of them must stay light."""
    try:
        text = json.dumps(data, ensure_ascii=False, default=str)
    except (ValueError, TypeError, RecursionError):
        return {NOT_SHOWN: "it can't be written as JSON"}
    return data if len(text) <= _LONGEST else _shortened(text)
