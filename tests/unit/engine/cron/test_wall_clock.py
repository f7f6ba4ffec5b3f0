"""A wall clock that is set and moved where the clocks change."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from midday_worker.engine.cron.wall_clock import WallClock

STOCKHOLM = ZoneInfo("Europe/Stockholm")


def clock_at(moment: str) -> WallClock:
    return WallClock(int(datetime.fromisoformat(moment).timestamp()), STOCKHOLM)


def instant(clock: WallClock) -> str:
    return datetime.fromtimestamp(clock.instant, UTC).isoformat(timespec="minutes")


@pytest.mark.parametrize(
    ("before", "expected"),
    [("2026-10-25T00:30+02:00", "2026-10-25T00:30+00:00"), ("2026-10-25T05:00+01:00", "2026-10-25T01:30+00:00")],
)
def test_a_time_that_occurs_twice_is_the_one_of_the_offset_it_was_set_from(before: str, expected: str) -> None:
    clock = clock_at(before)

    clock.set(datetime(2026, 10, 25, 2, 30))

    assert instant(clock) == expected


def test_a_time_that_is_skipped_moves_on_by_what_is_skipped() -> None:
    clock = clock_at("2026-03-29T00:30+01:00")

    clock.set(datetime(2026, 3, 29, 2, 30))

    assert clock.shows == datetime(2026, 3, 29, 3, 30)
    assert instant(clock) == "2026-03-29T01:30+00:00"


def test_the_next_change_is_found_within_a_day() -> None:
    clock = clock_at("2026-10-25T00:20+02:00")

    clock.to_next_change()

    assert instant(clock) == "2026-10-25T01:00+00:00"


def test_where_no_change_is_near_a_day_passes() -> None:
    clock = clock_at("2026-07-01T00:00+02:00")

    clock.to_next_change()

    assert instant(clock) == "2026-07-01T22:00+00:00"


def test_the_offset_changes_on_the_day_of_a_change_only() -> None:
    days = ["2026-10-24T12:00+02:00", "2026-10-25T12:00+01:00", "2026-10-26T12:00+01:00"]

    assert [clock_at(day).offset_changes_today() for day in days] == [False, True, False]
