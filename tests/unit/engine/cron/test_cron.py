"""Cron patterns: when they fire, through changes of the clocks too.

The dates were worked out by hand, and not taken from Node.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midday_worker.engine.cron.pattern import CronPattern

STOCKHOLM = "Europe/Stockholm"
NEW_YORK = "America/New_York"
LORD_HOWE = "Australia/Lord_Howe"
ZONES = ("UTC", STOCKHOLM, NEW_YORK, LORD_HOWE, "Asia/Kathmandu")


def to_ms(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1000)


def fires(pattern: str, tz: str | None, after: str, count: int) -> list[str]:
    """List the next fires as local times with their offset from UTC, without seconds."""
    cron = CronPattern.parse(pattern, tz)
    instant, found = to_ms(after), list[str]()
    for _ in range(count):
        instant = cron.next_after(instant)
        local = datetime.fromtimestamp(instant / 1000, ZoneInfo(cron.tz))
        found.append(local.isoformat(timespec="minutes"))
    return found


# -- what the fields mean


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*/15 * * * *", ["2026-01-01T00:15", "2026-01-01T00:30"]),
        ("5/20 * * * *", ["2026-01-01T00:05", "2026-01-01T00:25"]),
        ("10-12/2 3,5 * * *", ["2026-01-01T03:10", "2026-01-01T03:12"]),
        ("0 9 * * MON-FRI", ["2026-01-01T09:00", "2026-01-02T09:00", "2026-01-05T09:00"]),
        ("0 9 * * 7", ["2026-01-04T09:00", "2026-01-11T09:00"]),
        ("0 9 * * 6-7", ["2026-01-03T09:00", "2026-01-04T09:00", "2026-01-10T09:00"]),
        ("0 0 L * *", ["2026-01-31T00:00", "2026-02-28T00:00", "2026-03-31T00:00"]),
        ("0 0 15,L 2 ?", ["2026-02-15T00:00", "2026-02-28T00:00"]),
        ("0 0 * * 5L", ["2026-01-30T00:00", "2026-02-27T00:00"]),
        ("0 0 * * FRIL", ["2026-01-30T00:00", "2026-02-27T00:00"]),
        ("0 0 * * 1,5L", ["2026-01-05T00:00", "2026-01-12T00:00", "2026-01-19T00:00", "2026-01-26T00:00"]),
        ("0 0 * * TUE#2", ["2026-01-13T00:00", "2026-02-10T00:00"]),
        ("0 0 29 2 *", ["2028-02-29T00:00", "2032-02-29T00:00"]),
        ("0 0 13 * FRI", ["2026-01-02T00:00", "2026-01-09T00:00", "2026-01-13T00:00"]),
        ("0 0 31 2 MON", ["2026-02-02T00:00", "2026-02-09T00:00"]),
        ("0 0 */15 * 0", ["2026-01-04T00:00", "2026-01-11T00:00", "2026-01-16T00:00"]),
        ("0 0 1 jan,JUL *", ["2026-07-01T00:00", "2027-01-01T00:00"]),
        ("@daily", ["2026-01-02T00:00", "2026-01-03T00:00"]),
        ("@weekdays", ["2026-01-02T00:00", "2026-01-05T00:00"]),
        ("@yearly", ["2027-01-01T00:00"]),
    ],
)
def test_fires_fall_on_the_times_that_the_fields_name(pattern: str, expected: list[str]) -> None:
    found = fires(pattern, "UTC", "2026-01-01T00:00+00:00", len(expected))

    assert found == [f"{time}+00:00" for time in expected]


def test_six_fields_have_the_seconds_first() -> None:
    cron = CronPattern.parse("*/20 59 23 * * *", None)

    first = cron.next_after(to_ms("2026-01-01T23:59:20+00:00"))
    second = cron.next_after(first)

    assert first == to_ms("2026-01-01T23:59:40+00:00")
    assert second == to_ms("2026-01-02T23:59:00+00:00")


def test_a_fire_is_later_than_the_instant_even_by_a_millisecond() -> None:
    cron = CronPattern.parse("* * * * *", None)
    minute = to_ms("2026-01-01T00:01+00:00")

    assert cron.next_after(minute - 1) == minute
    assert cron.next_after(minute) == minute + 60_000
    assert cron.next_after(minute + 1) == minute + 60_000


# -- changes of the clocks


@pytest.mark.parametrize(
    ("tz", "pattern", "after", "expected"),
    [
        (
            STOCKHOLM,
            "30 2 * * *",
            "2026-03-28T12:00+01:00",
            ["2026-03-29T03:30+02:00", "2026-03-30T02:30+02:00"],
        ),
        (
            STOCKHOLM,
            "0 * * * *",
            "2026-03-29T00:30+01:00",
            ["2026-03-29T01:00+01:00", "2026-03-29T03:00+02:00", "2026-03-29T04:00+02:00"],
        ),
        (
            STOCKHOLM,
            "0 9 * * *",
            "2026-03-28T09:00+01:00",
            ["2026-03-29T09:00+02:00", "2026-03-30T09:00+02:00"],
        ),
        (
            NEW_YORK,
            "15 2 * * *",
            "2026-03-07T12:00-05:00",
            ["2026-03-08T03:15-04:00", "2026-03-09T02:15-04:00"],
        ),
        (
            LORD_HOWE,
            "0 9 * * *",
            "2026-10-03T09:00+10:30",
            ["2026-10-04T09:00+11:00", "2026-10-05T09:00+11:00"],
        ),
    ],
)
def test_in_spring_a_time_that_is_skipped_is_made_up_for_in_the_next_hour(
    tz: str, pattern: str, after: str, expected: list[str]
) -> None:
    assert fires(pattern, tz, after, len(expected)) == expected


def test_a_time_skipped_at_midnight_is_left_out_as_in_node() -> None:
    found = fires("0 0 * * *", "America/Santiago", "2025-09-06T00:00-04:00", 1)

    assert found == ["2025-09-08T00:00-03:00"]


@pytest.mark.parametrize(
    ("tz", "pattern", "after", "expected"),
    [
        (
            STOCKHOLM,
            "30 2 * * *",
            "2026-10-24T12:00+02:00",
            ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"],
        ),
        (
            STOCKHOLM,
            "*/30 * * * *",
            "2026-10-25T01:30+02:00",
            [
                "2026-10-25T02:00+02:00",
                "2026-10-25T02:30+02:00",
                "2026-10-25T02:00+01:00",
                "2026-10-25T02:30+01:00",
                "2026-10-25T03:00+01:00",
            ],
        ),
        (
            NEW_YORK,
            "*/30 0-2 * * *",
            "2026-11-01T00:30-04:00",
            ["2026-11-01T01:00-04:00", "2026-11-01T01:30-04:00", "2026-11-01T02:00-05:00"],
        ),
    ],
)
def test_in_autumn_only_a_pattern_of_all_hours_fires_twice(
    tz: str, pattern: str, after: str, expected: list[str]
) -> None:
    assert fires(pattern, tz, after, len(expected)) == expected


@pytest.mark.parametrize(
    ("pattern", "after", "expected"),
    [
        ("0 9 * * *", "2026-04-04T09:00+11:00", ["2026-04-05T09:00+10:30", "2026-04-06T09:00+10:30"]),
        ("0 * * * *", "2026-04-05T00:00+11:00", ["2026-04-05T01:00+11:00", "2026-04-05T02:00+10:30"]),
        ("0 * 1-7 4 *", "2026-04-05T01:21+11:00", ["2026-04-05T02:00+10:30"]),
    ],
)
def test_half_an_hour_back_does_not_end_a_schedule_as_it_does_in_node(
    pattern: str, after: str, expected: list[str]
) -> None:
    assert fires(pattern, LORD_HOWE, after, len(expected)) == expected


def test_a_zone_without_changes_keeps_its_odd_offset() -> None:
    found = fires("0 9 * * *", "Asia/Kathmandu", "2026-03-28T12:00+00:00", 2)

    assert found == ["2026-03-29T09:00+05:45", "2026-03-30T09:00+05:45"]


# -- whatever the pattern


def _list_of(low: int, high: int) -> st.SearchStrategy[str]:
    numbers = st.lists(st.integers(low, high), min_size=1, max_size=4, unique=True)
    return st.one_of(
        st.just("*"),
        numbers.map(lambda values: ",".join(map(str, values))),
        st.integers(1, high).map(lambda step: f"*/{step}"),
        st.tuples(st.integers(low, high), st.integers(low, high)).map(lambda ends: f"{min(ends)}-{max(ends)}"),
    )


PATTERNS = st.tuples(
    _list_of(0, 59),
    _list_of(0, 59),
    _list_of(0, 23),
    st.one_of(_list_of(1, 28), st.just("L")),
    _list_of(1, 12),
    st.one_of(_list_of(0, 6), st.sampled_from(["5L", "1#2", "SUN"])),
).map(" ".join)
INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC)).map(
    lambda moment: int(moment.timestamp() * 1000)
)


@given(PATTERNS, st.sampled_from(ZONES), INSTANTS)
def test_fires_always_move_forward(pattern: str, tz: str, start: int) -> None:
    cron = CronPattern.parse(pattern, tz)

    instants = [start]
    for _ in range(4):
        instants.append(cron.next_after(instants[-1]))

    assert all(later > earlier for earlier, later in pairwise(instants))
    assert all(instant % 1000 == 0 for instant in instants[1:])


@given(st.sets(st.integers(0, 59), min_size=1), st.sets(st.integers(0, 23), min_size=1), INSTANTS)
def test_no_time_that_the_pattern_names_is_passed_over(minutes: set[int], hours: set[int], start: int) -> None:
    pattern = f"{','.join(map(str, minutes))} {','.join(map(str, hours))} * * *"

    fire = datetime.fromtimestamp(CronPattern.parse(pattern, "UTC").next_after(start) / 1000, UTC)

    passed = datetime.fromtimestamp(start // 60_000 * 60, UTC) + timedelta(minutes=1)
    while not (passed.minute in minutes and passed.hour in hours):
        passed += timedelta(minutes=1)
    assert fire == passed
