"""Cron patterns: which are accepted, and what is said of the others."""

from __future__ import annotations

import pytest

from midday_worker.engine.cron.pattern import CronPattern
from midday_worker.errors import InvalidInputError, ScheduleError

EIGHT_MS = 1_782_892_800_000
"""2026-07-01 08:00 UTC."""


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        ("", "it has 0 fields, not 5 or 6"),
        ("*", "it has 1 field, not 5 or 6"),
        ("* * * *", "it has 4 fields, not 5 or 6"),
        ("* * * * * * *", "it has 7 fields, not 5 or 6"),
        ("61 * * * *", "minute '61' is outside 0-59"),
        ("60 * * * * *", "second '60' is outside 0-59"),
        ("0 24 * * *", "hour '24' is outside 0-23"),
        ("0 0 0 * *", "day of month '0' is outside 1-31"),
        ("0 0 * 13 *", "month '13' is outside 1-12"),
        ("0 0 * * 8", "day of week '8' is outside 0-7"),
        ("0 0 * FOO *", "month 'FOO' isn't understood; the words it knows are jan"),
        ("0 0 * MON *", "month 'MON' isn't understood; the words it knows are jan"),
        ("noon * * * *", "minute 'noon' isn't understood; it takes numbers"),
        ("1- * * * *", "minute '1-' isn't understood"),
        ("1-5-7 * * * *", "minute '1-5-7' isn't understood"),
        ("*/0 * * * *", "minute '*/0' has a step of 0"),
        ("1,,2 * * * *", "minute '1,,2' has an empty place"),
        ("0 9 * * FRI-MON", "day of week 'FRI-MON' ends before it starts"),
        ("0,15,0 * * * *", "minute '0,15,0' names 0 twice, which Node refuses"),
        ("0 0 * * 0,7", "day of week '0,7' names 0 twice, which Node refuses"),
        ("0 0 L,L * *", "day of month 'L,L' names L twice, which Node refuses"),
        ("H * * * *", "minute 'H' isn't accepted: each worker would draw its own"),
        ("H(0-9)/3 * * * *", "minute 'H(0-9)/3' isn't accepted: each worker would draw its own"),
        ("0 0 15W * *", "day of month '15W' isn't accepted: Node doesn't know W"),
        ("0 0 LW * *", "day of month 'LW' isn't accepted: Node doesn't know W"),
        ("0 0 L-3 * *", "day of month 'L-3' isn't accepted: L is the last day"),
        ("0 0 5L * *", "day of month '5L' isn't accepted: L is the last day"),
        ("0 0 * * L", "day of week 'L' isn't accepted: L is the last day"),
        ("0 0 * * 1#6", "day of week '1#6' isn't accepted: # stands alone"),
        ("0 0 * * 1#1,3#2", "day of week '1#1' isn't accepted: # stands alone"),
        ("0 0 31 4,6 *", "it never fires: no month that it names has a day 31"),
        ("0 0 30 2 *", "it never fires: no month that it names has a day 30"),
        ("@midnight", "'@midnight' is not one of @yearly"),
        ("@DAILY", "'@DAILY' is not one of @yearly"),
        ("0" * 1025, "it is longer than 1024 characters"),
    ],
)
def test_a_pattern_that_node_refuses_or_reads_otherwise_is_refused(pattern: str, complaint: str) -> None:
    with pytest.raises(ScheduleError) as refused:
        CronPattern.parse(pattern, "Europe/Stockholm")

    message = str(refused.value)
    assert complaint in message
    assert repr(pattern) in message
    assert 'Examples: "0 9 * * MON-FRI"' in message
    assert (refused.value.pattern, refused.value.tz) == (pattern, "Europe/Stockholm")


def test_a_refused_pattern_is_invalid_input_and_a_value_error() -> None:
    with pytest.raises(ValueError, match="not 5 or 6") as refused:
        CronPattern.parse("never", None)

    assert isinstance(refused.value, InvalidInputError)


@pytest.mark.parametrize(
    ("tz", "hint"),
    [
        ("Europe/Stokholm", "Did you mean 'Europe/Stockholm'?"),
        ("stockholm", "Did you mean 'Europe/Stockholm'?"),
        ("europe/stockholm", "Did you mean 'Europe/Stockholm'"),
        ("New York", "Did you mean 'America/New_York'?"),
        ("utc", "Did you mean 'UTC'"),
        ("Nowhere/At_All", "'Nowhere/At_All'. Accepted:"),
        ("", "''. Accepted:"),
        ("localtime", "Accepted:"),
        ("Factory", "Accepted:"),
        ("posix/Europe/Stockholm", "Accepted:"),
        ("../etc/passwd", "Accepted:"),
    ],
)
def test_an_unknown_zone_is_refused_with_near_names(tz: str, hint: str) -> None:
    with pytest.raises(ScheduleError, match="Unknown time zone") as refused:
        CronPattern.parse("0 9 * * *", tz)

    assert hint in str(refused.value)
    assert (refused.value.pattern, refused.value.tz) == ("0 9 * * *", tz)


def test_the_zone_is_utc_and_is_written_where_none_is_given() -> None:
    cron = CronPattern.parse("0 9 * * *", None)

    assert (cron.pattern, cron.tz) == ("0 9 * * *", "UTC")
    assert cron.next_after(EIGHT_MS) == EIGHT_MS + 3_600_000


def test_the_pattern_is_written_with_single_spaces_and_otherwise_as_given() -> None:
    assert CronPattern.parse("  0\t9 *  * mon-FRI ", None).pattern == "0 9 * * mon-FRI"
    assert CronPattern.parse(" @daily ", None).pattern == "@daily"


def test_equal_patterns_are_equal_and_show_what_they_are() -> None:
    first, second = (CronPattern.parse("0 9 * * *", "Europe/Stockholm") for _ in range(2))

    assert first == second
    assert hash(first) == hash(second)
    assert repr(first) == "CronPattern(pattern='0 9 * * *', tz='Europe/Stockholm')"
