"""Time zones by name, as both Python's zoneinfo and Node's Intl know them."""

from __future__ import annotations

import re
from datetime import UTC, timedelta, timezone, tzinfo
from difflib import get_close_matches
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

_PYTHON_ONLY: Final = frozenset({"Factory", "localtime", "posixrules"})
_FIXED: Final = re.compile(r"utc([+-])(\d{1,2})(?::([0-5]\d))?", re.ASCII)


@cache
def zone_names() -> frozenset[str]:
    """List the names that both sides know."""
    return frozenset(available_timezones()) - _PYTHON_ONLY | {"UTC"}


def find_zone(name: str) -> tzinfo | None:
    """Find a zone by its exact name; None when one of the sides doesn't know it.

    >>> find_zone("Europe/Stockholm"), find_zone("Europe/Stokholm")
    (zoneinfo.ZoneInfo(key='Europe/Stockholm'), None)
    """
    if name == "UTC":
        return UTC
    return ZoneInfo(name) if name in zone_names() else None


def near_zones(name: str) -> list[str]:
    """List up to three names that were perhaps meant, the likeliest first.

    >>> near_zones("stockholm"), near_zones("Europe/Stokholm")
    (['Europe/Stockholm'], ['Europe/Stockholm'])
    """
    wanted = name.strip().lower().replace(" ", "_")
    spelled = {known.lower(): known for known in sorted(zone_names())}
    same = [spelled[wanted]] if wanted in spelled else []
    same_city = [known for lower, known in spelled.items() if lower.rpartition("/")[2] == wanted]
    near = [spelled[lower] for lower in get_close_matches(wanted, spelled, n=3, cutoff=0.75)]
    return list(dict.fromkeys([*same, *same_city, *near]))[:3]


def closest_zone(name: str) -> tzinfo:
    """Find the zone that Node takes a name for, where Node is more generous; UTC where there is none.

    Node ignores case and knows fixed offsets such as `UTC+2`. Its `local` is the zone of its process, which
    can't be known here.
    """
    for known in zone_names():
        if known.lower() == name.lower():
            return find_zone(known) or UTC
    fixed = _FIXED.fullmatch(name.lower())
    if fixed is None or int(fixed[2]) > 23:
        return UTC
    offset = timedelta(hours=int(fixed[2]), minutes=int(fixed[3] or 0))
    return timezone(-offset if fixed[1] == "-" else offset)
