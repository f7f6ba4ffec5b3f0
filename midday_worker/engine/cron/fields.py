"""The fields of a cron pattern: what may stand in them, and which times and days they name."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

MACROS: Final[Mapping[str, str]] = {
    "@yearly": "0 0 0 1 1 *",
    "@annually": "0 0 0 1 1 *",
    "@monthly": "0 0 0 1 * *",
    "@weekly": "0 0 0 * * 0",
    "@daily": "0 0 0 * * *",
    "@hourly": "0 0 * * * *",
    "@minutely": "0 * * * * *",
    "@secondly": "* * * * * *",
    "@weekdays": "0 0 0 * * 1-5",
    "@weekends": "0 0 0 * * 0,6",
}
"""The short names that Node's cron-parser knows, and what they stand for."""

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LONGEST_PATTERN: Final = 1024
_LONGEST: Final = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}
_ITEM: Final = re.compile(r"(?:[*?]|([a-z]+|\d+)(?:-([a-z]+|\d+))?)(?:/(\d+))?", re.ASCII | re.IGNORECASE)
_LAST_WEEKDAY: Final = re.compile(r"([0-7]|[a-z]{3})L", re.ASCII | re.IGNORECASE)
_NTH_WEEKDAY: Final = re.compile(r"([0-7]|[a-z]{3})#([1-5])", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Field:
    """One place of a pattern: its name, its bounds, and the words it knows."""

    name: str
    low: int
    high: int
    words: Mapping[str, int] = field(default_factory=dict[str, int])

    def problem(self, item: str, why: str) -> ValueError:
        return ValueError(f"{self.name} {item!r} {why}")

    def number(self, text: str, item: str) -> int:
        if not text.isdigit():
            value = self.words.get(text.lower())
            if value is None:
                raise self.problem(item, _why_not(item, self.words))
            return value
        if not self.low <= int(text) <= self.high:
            raise self.problem(item, f"is outside {self.low}-{self.high}")
        return int(text)

    def items(self, text: str) -> list[str]:
        parts = text.split(",")
        if "" in parts:
            raise self.problem(text, "has an empty place in its list")
        return parts

    def values(self, item: str) -> frozenset[int]:
        match = _ITEM.fullmatch(item)
        if match is None:
            raise self.problem(item, _why_not(item, self.words))
        first, last, step = match.groups()
        if step is not None and int(step) == 0:
            raise self.problem(item, "has a step of 0")
        start = self.low if first is None else self.number(first, item)
        if last is not None:
            end = self.number(last, item)
        else:
            end = start if first is not None and step is None else self.high
        if end < start:
            raise self.problem(item, "ends before it starts")
        return frozenset(range(start, end + 1, int(step or 1)))


_SECOND: Final = _Field("second", 0, 59)
_MINUTE: Final = _Field("minute", 0, 59)
_HOUR: Final = _Field("hour", 0, 23)
_DAY: Final = _Field("day of month", 1, 31)
_MONTH: Final = _Field("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)})
_WEEKDAY: Final = _Field("day of week", 0, 7, {name: number for number, name in enumerate(_WEEKDAYS)})


@dataclass(frozen=True, slots=True)
class DayRule:
    """Which days a pattern names, by the day of the month and the day of the week.

    As in cron, a day matches by either of the two when both are restricted. A field is unrestricted only when
    it is exactly `*` or `?`: in `0 0 */2 * 1` both are restricted.
    """

    any_day: bool
    days: frozenset[int]
    last_day: bool
    any_weekday: bool
    weekdays: frozenset[int]
    last_weekdays: frozenset[int]
    nth: int | None

    def matches(self, day: date) -> bool:
        """Tell whether the pattern may fire on this day, months aside."""
        if self.any_weekday:
            return self._by_month(day)
        return self._by_week(day) or (not self.any_day and self._by_month(day))

    def _by_month(self, day: date) -> bool:
        return day.day in self.days or (self.last_day and day.day == monthrange(day.year, day.month)[1])

    def _by_week(self, day: date) -> bool:
        weekday = day.isoweekday() % 7
        if weekday in self.last_weekdays and day.day > monthrange(day.year, day.month)[1] - 7:
            return True
        return weekday in self.weekdays and self.nth in (None, (day.day + 6) // 7)


@dataclass(frozen=True, slots=True)
class CronFields:
    """A pattern taken apart. The numbers are in rising order."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    months: frozenset[int]
    day_rule: DayRule

    @property
    def every_hour(self) -> bool:
        """Whether the pattern names all 24 hours: then it follows the clock through a repeated hour."""
        return len(self.hours) == 24


def read_fields(pattern: str) -> CronFields:
    """Take apart a pattern of 5 fields, of 6 with the seconds first, or a macro such as `@daily`.

    Raises:
        ValueError: the pattern can't be read, or can never fire; the message names the field and says why.
    """
    if len(pattern) > _LONGEST_PATTERN:
        raise ValueError(f"it is longer than {_LONGEST_PATTERN} characters")
    parts = MACROS.get(pattern, pattern).split()
    if pattern.startswith("@") and pattern not in MACROS:
        raise ValueError(f"{pattern!r} is not one of {', '.join(MACROS)}")
    if len(parts) not in (5, 6):
        raise ValueError(f"it has {len(parts)} field{'' if len(parts) == 1 else 's'}, not 5 or 6")
    second, minute, hour, day, month, weekday = parts if len(parts) == 6 else ["0", *parts]
    fields = CronFields(
        seconds=_numbers(_SECOND, second),
        minutes=_numbers(_MINUTE, minute),
        hours=_numbers(_HOUR, hour),
        months=frozenset(_numbers(_MONTH, month)),
        day_rule=_day_rule(day, weekday),
    )
    _refuse_impossible_day(fields)
    return fields


def _numbers(place: _Field, text: str) -> tuple[int, ...]:
    return tuple(sorted(_union(place, text, [place.values(item) for item in place.items(text)])))


def _union(place: _Field, text: str, sets: Iterable[frozenset[int]]) -> frozenset[int]:
    """Join the items of a list. A value named twice is refused, since Node refuses it."""
    joined: set[int] = set()
    for values in sets:
        twice = joined & values
        if twice:
            raise place.problem(text, f"names {min(twice)} twice, which Node refuses")
        joined |= values
    return frozenset(joined)


def _day_rule(day: str, weekday: str) -> DayRule:
    numbered = [item for item in _DAY.items(day) if item != "L"]
    if day.split(",").count("L") > 1:
        raise _DAY.problem(day, "names L twice, which Node refuses")
    nth = _NTH_WEEKDAY.fullmatch(weekday)
    plain, last = (nth[1], []) if nth else _split_last(weekday)
    items = _WEEKDAY.items(plain) if plain else []
    return DayRule(
        any_day=day in ("*", "?"),
        days=_union(_DAY, day, map(_DAY.values, numbered)),
        last_day="L" in day,
        any_weekday=weekday in ("*", "?"),
        weekdays=_union(_WEEKDAY, weekday, (_sunday_as_zero(_WEEKDAY.values(item)) for item in items)),
        last_weekdays=_union(_WEEKDAY, weekday, (_sunday_as_zero({_WEEKDAY.number(name, weekday)}) for name in last)),
        nth=int(nth[2]) if nth else None,
    )


def _split_last(weekday: str) -> tuple[str, list[str]]:
    """Part `1,5L` into the ordinary items and the names of those that mean "the last of the month"."""
    items = _WEEKDAY.items(weekday)
    last = [match[1] for item in items if (match := _LAST_WEEKDAY.fullmatch(item))]
    return ",".join(item for item in items if not _LAST_WEEKDAY.fullmatch(item)), last


def _sunday_as_zero(values: Iterable[int]) -> frozenset[int]:
    return frozenset(value % 7 for value in values)


def _refuse_impossible_day(fields: CronFields) -> None:
    rule = fields.day_rule
    if not rule.any_weekday or rule.last_day:
        return
    longest = max(_LONGEST.get(month, 31) for month in fields.months)
    if min(rule.days) > longest:
        raise ValueError(f"it never fires: no month that it names has a day {min(rule.days)}")


def _why_not(item: str, words: Iterable[str]) -> str:
    """Say why an item isn't accepted, for the forms that other crons know."""
    letters = "".join(filter(str.isalpha, item)).upper()
    if letters == "H":
        return "isn't accepted: each worker would draw its own value for H; write a number"
    if letters in ("W", "LW"):
        return "isn't accepted: Node doesn't know W"
    if letters == "L":
        return "isn't accepted: L is the last day of the month, or follows a weekday: 5L is the last Friday"
    if "#" in item:
        return "isn't accepted: # stands alone in the day of week and takes 1-5: 1#2 is the second Monday"
    known = ", ".join(words)
    return f"isn't understood; the words it knows are {known}" if known else "isn't understood; it takes numbers"
