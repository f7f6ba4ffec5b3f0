"""`spread()`: cron patterns whose minute another value has for each id, so that not all schedules fire at once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from midday_worker.engine.cron.pattern import CronPattern
from midday_worker.errors import ScheduleError

_LETTERS: Final = {"s": ("second", 0, 60), "m": ("minute", 1, 60), "h": ("hour", 2, 24)}
"""What each letter stands for: its field, its place among six, and how many values that has."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A cron pattern with letters in place of numbers; made by `spread`.

    Attributes:
        pattern: as it was given, with single spaces between the fields.
    """

    pattern: str

    def pattern_for(self, schedule_id: str) -> str:
        """Return the cron pattern of an id; the same one in every process.

        >>> spread("m */6 * * *").pattern_for("acc_1")
        '37 */6 * * *'
        """
        return " ".join(str(_drawn(part, schedule_id)) if part in _LETTERS else part for part in self.pattern.split())


def spread(pattern: str) -> Spread:
    """Return a cron pattern that fires at another, but steady, time for each id.

    Args:
        pattern: a cron pattern in which `m` stands for the whole minute field, `h` for the hours' and, where there are
            6 fields, `s` for the seconds'.

    Raises:
        ScheduleError: it has no such letter, one in another field, or can't be a pattern.

    >>> spread("m h * * *").pattern_for("acc_1") == spread("m h * * *").pattern_for("acc_1")
    True
    """
    if not isinstance(pattern, str):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
        raise ScheduleError(f'spread() was given {pattern!r}; accepted: a text such as "m */6 * * *".')
    parts = pattern.split()
    letters = [(place + 6 - len(parts), part) for place, part in enumerate(parts) if part in _LETTERS]
    for place, letter in letters:
        field, own, _ = _LETTERS[letter]
        if place != own:
            raise ScheduleError(f"Can't use {pattern!r}: {letter} stands for the {field}, in that field alone.")
    if not letters:
        raise ScheduleError(
            f"Can't use {pattern!r}: nothing of it is spread. Accepted: m in place of the minutes, h of the hours, s "
            'of the seconds of 6 fields, each as a whole field, as in "m */6 * * *".'
        )
    found = Spread(" ".join(parts))
    CronPattern.parse(found.pattern_for(""), None)
    return found


def _drawn(letter: str, schedule_id: str) -> int:
    digest = hashlib.sha256(f"{letter}:{schedule_id}".encode()).digest()
    return int.from_bytes(digest[:8]) % _LETTERS[letter][2]
