"""A pattern of JavaScript's, as Python reads it."""

from __future__ import annotations

import re
from typing import Final

_ESCAPES: Final = {r"\d": "0-9", r"\w": "A-Za-z0-9_", r"\/": "/"}
_GROUP: Final = re.compile(r"\(\?<(?=[A-Za-z_])")


def python_pattern(pattern: str) -> str:
    r"""Return a pattern that matches in Python what one of JavaScript's does: ASCII digits, and `$` at the very end.

    >>> python_pattern(r"^\d+[\w-]$")
    '^[0-9]+[A-Za-z0-9_-](?![\\s\\S])'
    """
    found, within, at = "", False, 0
    while at < len(pattern):
        step = pattern[at : at + 2] if pattern[at] == "\\" else pattern[at]
        at += len(step)
        if step in _ESCAPES:
            plain = _ESCAPES[step]
            found += plain if within or plain == "/" else f"[{plain}]"
            continue
        if step in "[]":
            within = step == "[" or (within and step != "]")
        found += r"(?![\s\S])" if step == "$" and not within else step
    return _GROUP.sub("(?P<", found)
