"""What failed reasons have in common: their text without what differs from one job to the next."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from midday_worker.errors import CANCELLED

LONGEST: Final = 200

_VARYING: Final = (
    (re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"), "<id>"),
    (re.compile(r"\b0x[0-9a-fA-F]+\b"), "<n>"),
    (re.compile(r"\b(?=[0-9a-fA-F]*\d)(?=[0-9a-fA-F]*[a-fA-F])[0-9a-fA-F]{8,}\b"), "<id>"),
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "<mail>"),
    (re.compile(r"\d+(?:[.,:]\d+)*"), "<n>"),
)

_NAMES: Final = frozenset(name for _, name in _VARYING)


@lru_cache(maxsize=1_000)
def common_reason(reason: str) -> str:
    """Return the first line of a failed reason with numbers, ids and addresses of mail left out.

    >>> common_reason("User 17 (ada@example.com) has no seat\\n  at line 3")
    'User <n> (<mail>) has no seat'
    """
    line = next((line.strip() for line in reason.splitlines() if line.strip()), "")
    # Cut before and after: a pattern over a line of megabytes takes its time.
    line = line[: 4 * LONGEST]
    for varying, name in _VARYING:
        line = varying.sub(name, line)
    return line[:LONGEST]


def is_about(reason: str, wanted: str) -> bool:
    """Return whether a failed reason holds a text, whatever its case, or is of the kind that was shown for it.

    >>> is_about("timed out after 30 s", "Timed out"), is_about("timed out after 30 s", "timed out after <n> s")
    (True, True)
    """
    text = wanted.strip().rstrip("…").casefold()
    if text in reason.casefold():
        return True
    # Only what names something that varies can be in the one and not in the other.
    return any(name in text for name in _NAMES) and text in common_reason(reason).casefold()


def names_cancelled(wanted: str) -> bool:
    """Return whether a text that reasons must hold asks for those of cancelled jobs.

    >>> names_cancelled("Cancelled"), names_cancelled("cancelled: no reason"), names_cancelled("timed out")
    (True, True, False)
    """
    return wanted.strip().casefold().startswith(CANCELLED.rstrip(": "))
