"""The search for the next moment at which a cron pattern fires, as Node's cron-parser 5 makes it.

Node and Python workers advance one another's schedules, so what counts is not which rule for a change of the
clocks is best but that both follow the same one:

- a pattern that names all 24 hours follows the clock: in an hour that occurs twice it fires twice;
- any other fires in the first pass of such an hour and not in the second;
- an hour that the clocks skip is made up for in the hour they land on, if the search comes upon the gap hour
  by hour. One that comes upon it by leaping to the start of a day (a gap at midnight) doesn't notice.

`tests/integration/cron/test_cron_against_node.py` holds this to what Node does.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import Final

from midday_worker.engine.cron.fields import CronFields
from midday_worker.engine.cron.wall_clock import WallClock

_SECOND: Final = 1
_MINUTE: Final = 60
_HOUR: Final = 3600


class StuckSearch(Exception):
    """The search ran in a circle, or came out before its start: in Node there is no next fire, or a past one.

    Where a zone moves its clocks by half an hour (Lord Howe Island), the start of the hour that repeats lies
    before the change, and stepping on from there leads back to it.
    """

    def __init__(self, around: int) -> None:
        self.around = around
        super().__init__(f"no way on at {around} s after 1970")


def next_fire(fields: CronFields, zone: tzinfo, epoch_ms: int) -> int:
    """Find the first fire after an instant, both in milliseconds since 1970.

    Where Node's search gets stuck, this one goes on from the change of the clocks: a schedule that Node drops
    stays alive.
    """
    try:
        return CronSearch(fields, zone, epoch_ms).run() * 1000
    except StuckSearch as stuck:
        clock = WallClock(stuck.around, zone)
        clock.to_next_change()
        return CronSearch(fields, zone, clock.instant * 1000 - 1).run() * 1000


class CronSearch:
    """One search: a clock that is moved on until all fields match what it shows."""

    __slots__ = ("_changes", "_clock", "_fields", "_repeated", "_skipped", "_start_ms")

    def __init__(self, fields: CronFields, zone: tzinfo, epoch_ms: int) -> None:
        self._fields = fields
        self._clock = WallClock(epoch_ms // 1000, zone)
        self._skipped: tuple[int, int] | None = None
        """The first hour that a gap has skipped, and the hour it landed on."""
        self._repeated: int | None = None
        """The hour whose second pass has just begun."""
        self._changes: dict[object, bool] = {}
        self._start_ms = epoch_ms
        if epoch_ms % 1000:
            self._step(_SECOND)

    def run(self) -> int:
        """Move on until the pattern fires, and return the instant in seconds.

        Raises:
            StuckSearch: there is no way on.
        """
        seen: set[object] = set()
        while not self._settled():
            state = (self._clock.instant, self._clock.offset, self._skipped, self._repeated)
            if state in seen:
                raise StuckSearch(self._clock.instant)
            seen.add(state)
        if self._clock.instant * 1000 < self._start_ms:
            raise StuckSearch(self._clock.instant)
        return self._clock.instant

    def _settled(self) -> bool:
        """Check the fields from the month down. At the first that doesn't match, move on and return False."""
        clock, fields = self._clock, self._fields
        if clock.shows.month not in fields.months:
            clock.to_next_month()
            return False
        if not fields.day_rule.matches(clock.today):
            clock.to_next_day()
            return False
        if not self._hour_settled():
            return False
        if clock.shows.minute not in fields.minutes:
            self._to_next_minute()
            return False
        if clock.shows.second not in fields.seconds:
            self._to_next_second()
            return False
        if clock.instant * 1000 == self._start_ms:
            self._step(_SECOND)
            return False
        return True

    def _hour_settled(self) -> bool:
        hour = self._clock.shows.hour
        if self._makes_up_for_gap(hour):
            return True
        if hour == self._repeated:
            self._repeated = None
            self._step(_HOUR)
            return False
        if hour in self._fields.hours:
            return True
        later = _first_above(hour, self._fields.hours)
        if later is None:
            self._clock.to_next_day()
        else:
            self._to_hour(later)
        return False

    def _makes_up_for_gap(self, hour: int) -> bool:
        if self._skipped is None or self._skipped[1] != hour:
            return False
        first = self._skipped[0]
        return any((first + i) % 24 in self._fields.hours for i in range((hour - first) % 24))

    def _to_hour(self, hour: int) -> None:
        clock = self._clock
        if self._changes_today():
            for _ in range(hour - clock.shows.hour):
                self._step(_HOUR)
                if clock.shows.hour >= hour:
                    break
        else:
            clock.set(clock.shows.replace(hour=hour))
        self._to_first_minute()

    def _to_next_minute(self) -> None:
        minute = _first_above(self._clock.shows.minute, self._fields.minutes)
        if minute is None:
            self._step(_HOUR)
            self._to_first_minute()
        else:
            self._clock.set(self._clock.shows.replace(minute=minute))
            self._to_first_second()

    def _to_next_second(self) -> None:
        second = _first_above(self._clock.shows.second, self._fields.seconds)
        if second is None:
            self._step(_MINUTE)
            self._to_first_second()
        else:
            self._clock.set(self._clock.shows.replace(second=second))

    def _to_first_minute(self) -> None:
        self._clock.set(self._clock.shows.replace(minute=self._fields.minutes[0]))
        self._to_first_second()

    def _to_first_second(self) -> None:
        self._clock.set(self._clock.shows.replace(second=self._fields.seconds[0]))

    def _changes_today(self) -> bool:
        today = self._clock.today
        if today not in self._changes:
            self._changes[today] = self._clock.offset_changes_today()
        return self._changes[today]

    def _step(self, seconds: int) -> None:
        """Go to the start of the next second, minute or hour, and note what the clocks did."""
        clock = self._clock
        hour_before, offset_before = clock.shows.hour, clock.offset
        clock.advance(seconds)
        if seconds == _HOUR:
            clock.to_hour_start()
        elif seconds == _MINUTE:
            clock.set(clock.shows.replace(second=0))
        if self._fields.every_hour:
            return
        hour = clock.shows.hour
        hours_on = (hour - hour_before) % 24
        if clock.offset > offset_before and hours_on >= 2:
            self._skipped = ((hour_before + 1) % 24, hour)
        elif hours_on == 0 and clock.shows.minute == 0 and clock.shows.second == 0:
            self._repeated = hour


def _first_above(value: int, values: Sequence[int]) -> int | None:
    return next((candidate for candidate in values if candidate > value), None)
