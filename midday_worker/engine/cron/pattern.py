"""Cron patterns: reading them, their next fire, and the strategy with which workers advance a schedule.

A schedule is advanced by whichever worker takes its job, in Python or in Node. So a pattern is accepted
only if Node (bullmq 6, cron-parser 5) reads it the same way, and its fires are those that Node computes,
through every change of the clocks.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final

from loguru import logger

from midday_worker.engine.cron.fields import CronFields, read_fields
from midday_worker.engine.cron.node_pattern import written_out
from midday_worker.engine.cron.search import next_fire
from midday_worker.engine.cron.time_zones import closest_zone, find_zone, near_zones
from midday_worker.errors import ScheduleError

UNREADABLE_INTERVAL: Final = timedelta(days=1)
"""After how long a schedule whose pattern can't be read comes up again."""
_BEYOND_CALENDAR: Final = 253_000_000_000_000
"""An instant in the year 9987: what lies beyond can't be reckoned with, and is ignored as Node ignores it."""

_ACCEPTED: Final = (
    "Accepted: 5 fields (minute, hour, day of month, month, day of week) or 6 with the seconds first, "
    "each with numbers, *, lists (1,15), ranges (1-5) and steps (*/15); names (MON, JAN); L for the last day "
    "of the month, 5L for its last Friday, 1#2 for its second Monday; or @hourly, @daily, @weekly, @monthly, "
    "@yearly. "
    'Examples: "0 9 * * MON-FRI" (weekdays at 9:00), "*/15 * * * *" (each quarter of an hour), '
    '"0 0 L * *" (the last day of the month), "*/10 * * * * *" (every 10 seconds).'
)


@dataclass(frozen=True, slots=True)
class CronPattern:
    """A cron pattern and its time zone. Make one with `parse`.

    Attributes:
        pattern: as it is written on the wire: the caller's, with single spaces between the fields.
        tz: the zone's name; "UTC" where none was given. To be written always: without it Node takes the
            zone of its process.
    """

    pattern: str
    tz: str
    _fields: CronFields = field(repr=False, compare=False)
    _zone: tzinfo = field(repr=False, compare=False)

    @classmethod
    def parse(cls, pattern: str, tz: str | None) -> CronPattern:
        """Read a pattern strictly: what Node refuses or reads otherwise is refused.

        Raises:
            ScheduleError: the pattern or the zone isn't accepted.

        >>> cron = CronPattern.parse("30 2 * * *", "Europe/Stockholm")
        >>> before_the_gap = datetime.fromisoformat("2026-03-28T12:00+01:00")
        >>> fire_ms = cron.next_after(int(before_the_gap.timestamp() * 1000))
        >>> datetime.fromtimestamp(fire_ms / 1000, UTC).isoformat()
        '2026-03-29T01:30:00+00:00'
        """
        plain = " ".join(pattern.split())
        name = "UTC" if tz is None else tz
        try:
            fields = read_fields(plain)
        except ValueError as problem:
            message = f"Can't use the cron pattern {pattern!r}: {problem}. {_ACCEPTED}"
            raise ScheduleError(message, pattern=pattern, tz=tz) from problem
        zone = find_zone(name)
        if zone is None:
            raise ScheduleError(_unknown_zone(name), pattern=pattern, tz=tz)
        return cls(plain, name, fields, zone)

    def next_after(self, epoch_ms: int) -> int:
        """Find the first fire later than an instant; both in milliseconds since 1970."""
        return next_fire(self._fields, self._zone, epoch_ms)


def repeat_strategy(millis: int, opts: Mapping[str, object]) -> int | None:
    """Compute a schedule's next fire, in place of bullmq's `default_repeat_strategy`.

    As in Node: no fire before `startDate` or after `endDate` (then None, which ends the schedule), and the
    present moment with `immediately`. An absent `tz` means UTC: Node takes its process's zone, which it
    doesn't write down.

    It never raises, since that would end the schedule for the workers of both languages. What Node wrote and
    `CronPattern.parse` refuses goes on as near as can be, with a warning:

    - `H` becomes a fixed value, and 1 to 4 fields are filled up, see `written_out`;
    - a zone that Node alone knows is looked up without case or as a fixed offset, or else is UTC;
    - a pattern that can't be read at all (Node can be given a strategy of its own) comes up again after a
      day, when a Node worker may take it and put it right.

    Args:
        millis: now, or the previous fire if that is later, in milliseconds since 1970.
        opts: the schedule's repeat options as bullmq stores them.
    """
    pattern = opts.get("pattern")
    if not pattern:
        return None
    if opts.get("immediately"):
        return int(time.time() * 1000)
    start = max(millis, _milliseconds(opts.get("startDate")) or millis)
    tz = opts.get("tz")
    cron = _as_stored(str(pattern), str(tz) if tz else None)
    following = cron.next_after(start) if cron else start + UNREADABLE_INTERVAL // timedelta(milliseconds=1)
    end = _milliseconds(opts.get("endDate"))
    return None if end is not None and following > end else following


@lru_cache(maxsize=1024)
def _as_stored(pattern: str, tz: str | None) -> CronPattern | None:
    """Read a pattern that is in use already. Cached, so that a warning is given once."""
    try:
        return CronPattern.parse(pattern, tz)
    except ScheduleError as refused:
        lenient = _leniently(pattern, tz)
        outcome = (
            f"it comes up again after {UNREADABLE_INTERVAL}" if lenient is None else "it goes on as near as can be"
        )
        logger.warning("a schedule has a pattern or zone that isn't accepted; {}: {}", outcome, refused)
        return lenient


def _leniently(pattern: str, tz: str | None) -> CronPattern | None:
    zone = closest_zone(tz) if tz else UTC
    for text in (" ".join(pattern.split()), written_out(pattern)):
        try:
            return CronPattern(text, tz or "UTC", read_fields(text), zone)
        except ValueError:
            continue
    return None


def _milliseconds(moment: object) -> int | None:
    """Read an instant as bullmq stores it: milliseconds as a number or text, or ISO 8601."""
    if isinstance(moment, datetime):
        return int(moment.timestamp() * 1000)
    if isinstance(moment, int | float):
        return int(moment) if abs(moment) < _BEYOND_CALENDAR else None
    if not isinstance(moment, str):
        return None
    if moment.isdecimal():
        return _milliseconds(float(moment))
    try:
        return int(datetime.fromisoformat(moment).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def _unknown_zone(name: str) -> str:
    near = near_zones(name)
    hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
    return (
        f"Unknown time zone {name!r}.{hint} Accepted: a name from the IANA time zone database, "
        'for example "Europe/Stockholm", "America/New_York" or "UTC".'
    )
