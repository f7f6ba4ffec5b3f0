"""Durations as people write them: 5000, "5s", "1h30m", timedelta(days=3)."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Final, TypeAlias

from midday_worker.errors import DurationError

Duration: TypeAlias = int | str | timedelta
"""Milliseconds as an int, a text such as "500ms", "5s", "30m", "12h", "3d", "2w", "1h30m", or a `timedelta`."""

MAX_MS: Final = 2**53 - 1
"""The longest duration: beyond it, numbers lose precision in Node and in Redis's Lua."""

_UNITS: Final = {
    "ms": 1,
    "s": 1_000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 604_800_000,
}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)\s*", re.ASCII)
_ACCEPTED: Final = 'milliseconds as an int, a text such as "500ms", "5s", "30m", "1h30m", "3d", or a timedelta'


def to_milliseconds(value: Duration, name: str = "duration") -> int:
    """Turn a duration into whole milliseconds.

    Args:
        value: see `Duration`. Parts of a millisecond are rounded.
        name: what to call the value in an error.

    Raises:
        DurationError: the value is of another form, negative, or beyond 2**53 - 1 ms.

    >>> to_milliseconds("1h30m"), to_milliseconds(timedelta(seconds=2)), to_milliseconds(250)
    (5400000, 2000, 250)
    """
    milliseconds = _parse(value)
    if milliseconds is None:
        raise DurationError(f"{name} is {value!r}; accepted: {_ACCEPTED}.")
    if milliseconds < 0:
        raise DurationError(f"{name} is {value!r}; a duration can't be negative.")
    if milliseconds > MAX_MS:
        raise DurationError(f"{name} is {value!r}; the longest duration is {MAX_MS} ms.")
    return milliseconds


def from_milliseconds(milliseconds: int) -> str:
    """Return a duration as people write it.

    >>> from_milliseconds(5_400_000), from_milliseconds(1_500), from_milliseconds(0)
    ('1h30m', '1s500ms', '0ms')
    """
    parts: list[str] = []
    for unit, size in reversed(_UNITS.items()):
        count, milliseconds = divmod(milliseconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0ms"


def _parse(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, timedelta):
        return round(value / timedelta(milliseconds=1))
    return _parse_text(value) if isinstance(value, str) else None


def _parse_text(text: str) -> int | None:
    text = text.strip()
    parts = list(_PART.finditer(text))
    if not parts or "".join(part.group() for part in parts) != text:
        return None
    units = [part[2] for part in parts]
    if len(set(units)) != len(units) or units != sorted(units, key=_UNITS.__getitem__, reverse=True):
        return None
    # Decimal: a float would overflow, or be off by a few ms, where the number is large.
    return round(sum((Decimal(part[1]) * _UNITS[part[2]] for part in parts), Decimal()))
