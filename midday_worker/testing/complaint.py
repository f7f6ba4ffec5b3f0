"""What a failed assertion on a recording client says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def as_asked(payload: object, options: Mapping[str, object]) -> str:
    """Return which payload and options were looked for."""
    parts = [] if payload is ... else [f"payload {payload!r}"]
    parts.extend(f"{name}={value!r}" for name, value in options.items())
    return f" with {' and '.join(parts)}" if parts else ""


def how_often(count: int) -> str:
    """Return a count in words."""
    return "once" if count == 1 else f"{count} times"


def listed(records: Iterable[object]) -> str:
    """Return what was recorded, a line each."""
    lines = [f"  {number}. {record}" for number, record in enumerate(records, 1)]
    return "\n".join(["Triggered were:", *lines]) if lines else "Nothing was triggered."
