"""Cron patterns that Node accepts and `CronPattern.parse` refuses, written out for Python to go on with."""

from __future__ import annotations

import re
from typing import Final
from zlib import crc32

_DEFAULTS: Final = ("0", "*", "*", "*", "*", "*")
_RANGES: Final = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_DRAWN: Final = re.compile(r"H(?:\((\d+)-(\d+)\))?(?:/(\d+))?", re.ASCII)


def written_out(pattern: str) -> str:
    """Write a pattern with all six fields, and with a number for each value that Node draws (`H`).

    Fields missing in front are filled up as in Node. Unless it was given a seed, Node draws `H` anew at each
    fire; here it is drawn from the pattern's own text, so that all Python workers agree. Anything else
    stays as it is.

    >>> written_out("5 9 * * *"), written_out("9 1 * *")
    ('0 5 9 * * *', '0 * 9 1 * *')
    """
    parts = pattern.split()
    if len(parts) > len(_DEFAULTS):
        return pattern
    fields = [*_DEFAULTS[: len(_DEFAULTS) - len(parts)], *parts]
    return " ".join(
        _draw(text, low, high, f"{place} {pattern}")
        for place, (text, (low, high)) in enumerate(zip(fields, _RANGES, strict=True))
    )


def _draw(text: str, low: int, high: int, seed: str) -> str:
    number = crc32(seed.encode())

    def value(match: re.Match[str]) -> str:
        first = max(low, int(match[1] or low))
        last = min(high, int(match[2] or high))
        width = last - first + 1
        step = int(match[3] or 0)
        if width < 1:
            return match[0]
        if not step:
            return str(first + number % width)
        return f"{first + number % min(step, width)}-{last}/{step}"

    return _DRAWN.sub(value, text)
