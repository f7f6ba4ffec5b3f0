"""Moments as people say them: "3m ago", "in 2h"."""

from __future__ import annotations

import time
from typing import Final

_UNITS: Final = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"))


def now_ms() -> int:
    """Return this machine's time in epoch milliseconds."""
    return round(time.time() * 1000)


def span(milliseconds: int) -> str:
    """Return a length of time in its largest unit, of hours and days also the next one.

    >>> span(500), span(90_000), span(7_260_000), span(7_200_000), span(90 * 86_400_000 + 3_600_000)
    ('<1s', '1m', '2h1m', '2h', '90d1h')
    """
    for place, (size, unit) in enumerate(_UNITS):
        if milliseconds >= size:
            whole, rest = divmod(milliseconds, size)
            next_size, next_unit = _UNITS[min(place + 1, len(_UNITS) - 1)]
            more = rest // next_size if size > 60_000 else 0
            return f"{whole}{unit}{more}{next_unit}" if more else f"{whole}{unit}"
    return "<1s"


def moment(at_ms: int | None, now: int) -> str:
    """Return when something was or will be; times are epoch milliseconds.

    >>> moment(1_000, 181_000), moment(181_000, 1_000), moment(None, 5), moment(5, 5)
    ('3m ago', 'in 3m', '', 'now')
    """
    if not at_ms:
        return ""
    if at_ms == now:
        return "now"
    return f"{span(now - at_ms)} ago" if at_ms < now else f"in {span(at_ms - now)}"
