"""A clock on the wall of a time zone: it can be moved by real time, or set to what it should show."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1)
_DAY: Final = timedelta(days=1)
_QUARTER: Final = 900


class WallClock:
    """What a wall clock shows at an instant, where the zone's offset from UTC may change.

    Setting the clock to a time that occurs twice keeps the offset it has; a time that is skipped moves on by
    what was skipped. So does luxon, with which Node's cron-parser counts: both come to the same instants.
    """

    __slots__ = ("_offset", "_zone", "shows")

    def __init__(self, instant: int, zone: tzinfo) -> None:
        """Take the instant in whole seconds since 1970."""
        self._zone = zone
        self._offset = 0
        self.shows = _EPOCH
        self._move_to(instant)

    @property
    def instant(self) -> int:
        """The clock's instant, in seconds since 1970."""
        return _seconds(self.shows) - self._offset

    @property
    def offset(self) -> int:
        """How far the clock is ahead of UTC, in seconds."""
        return self._offset

    def advance(self, seconds: int) -> None:
        """Go on by real time."""
        self._move_to(self.instant + seconds)

    def set(self, shows: datetime) -> None:
        """Set the clock to a wall time, which belongs to the offset it has where it can."""
        local = _seconds(shows)
        guess = self._offset_at(local - self._offset)
        again = self._offset_at(local - guess)
        self._show(local - min(guess, again), max(guess, again))

    def to_hour_start(self) -> None:
        """Go back to the start of the hour that the clock shows."""
        self.set(self.shows.replace(minute=0, second=0))

    def to_next_day(self) -> None:
        """Go to the first moment of the next day."""
        self.set(self.shows + _DAY)
        self._to_day_start()

    def to_next_month(self) -> None:
        """Go to the first moment of the next month."""
        first = self.shows.replace(day=1)
        self.set((first + 31 * _DAY).replace(day=1))
        self._to_day_start()

    def to_next_change(self) -> None:
        """Go to the next change of the offset, at a quarter of an hour, or a day on if there is none."""
        before = self._offset
        self._move_to(self.instant - self.instant % _QUARTER)
        for _ in range(_DAY // timedelta(seconds=_QUARTER)):
            self.advance(_QUARTER)
            if self._offset != before:
                return

    def offset_changes_today(self) -> bool:
        """Tell whether the day that the clock shows begins and ends with different offsets."""
        probe = WallClock(self.instant, self._zone)
        probe._to_day_start()
        morning = probe.offset
        probe.to_next_day()
        probe.advance(-1)
        return probe.offset != morning

    @property
    def today(self) -> date:
        """The date that the clock shows."""
        return self.shows.date()

    def _to_day_start(self) -> None:
        self.set(self.shows.replace(hour=0, minute=0, second=0))

    def _move_to(self, instant: int) -> None:
        self._show(instant, self._offset_at(instant))

    def _show(self, instant: int, offset: int) -> None:
        self._offset = offset
        self.shows = _EPOCH + timedelta(seconds=instant + offset)

    def _offset_at(self, instant: int) -> int:
        offset = datetime.fromtimestamp(instant, UTC).astimezone(self._zone).utcoffset()
        return int(offset.total_seconds()) if offset is not None else 0


def _seconds(wall: datetime) -> int:
    elapsed = wall - _EPOCH
    return elapsed.days * 86_400 + elapsed.seconds
