"""The strategy with which workers advance schedules, whoever wrote them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import pytest
from loguru import logger

from midday_worker.engine.cron.pattern import repeat_strategy

DAY_MS = 86_400_000
NEW_YEAR = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000)


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    """What is logged from warnings up."""
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(str(message)), level="WARNING", format="{message}")
    yield lines
    logger.remove(sink)


def following(opts: Mapping[str, object], after: int = NEW_YEAR) -> str | None:
    instant = repeat_strategy(after, opts)
    return None if instant is None else datetime.fromtimestamp(instant / 1000, UTC).isoformat()


def test_the_next_fire_is_that_of_the_pattern_in_its_zone() -> None:
    assert following({"pattern": "0 9 * * *", "tz": "Europe/Stockholm"}) == "2026-01-01T08:00:00+00:00"


@pytest.mark.parametrize("tz", [{}, {"tz": None}, {"tz": ""}])
def test_without_a_zone_it_is_utc(tz: Mapping[str, object]) -> None:
    assert following({"pattern": "0 9 * * *", **tz}) == "2026-01-01T09:00:00+00:00"


@pytest.mark.parametrize("opts", [{}, {"pattern": None}, {"pattern": ""}, {"every": 1000}])
def test_without_a_pattern_there_is_no_fire(opts: Mapping[str, object]) -> None:
    assert repeat_strategy(NEW_YEAR, opts) is None


def test_immediately_means_now() -> None:
    before = int(time.time() * 1000)

    instant = repeat_strategy(0, {"pattern": "0 0 1 1 *", "immediately": True})

    assert instant is not None
    assert before <= instant <= int(time.time() * 1000)


@pytest.mark.parametrize(
    "start",
    [
        NEW_YEAR + 30 * DAY_MS,
        float(NEW_YEAR + 30 * DAY_MS),
        str(NEW_YEAR + 30 * DAY_MS),
        "2026-01-31T00:00:00Z",
        datetime(2026, 1, 31, tzinfo=UTC),
    ],
)
def test_nothing_fires_before_the_start_date(start: object) -> None:
    assert following({"pattern": "0 9 * * *", "startDate": start}) == "2026-01-31T09:00:00+00:00"


@pytest.mark.parametrize("start", [NEW_YEAR - DAY_MS, None, "", "soon", [1], 1e300, float("nan"), "9" * 30])
def test_a_start_date_that_is_past_or_no_date_changes_nothing(start: object) -> None:
    assert following({"pattern": "0 9 * * *", "startDate": start}) == "2026-01-01T09:00:00+00:00"


def test_a_fire_after_the_end_date_ends_the_schedule() -> None:
    nine_o_clock = NEW_YEAR + 9 * 3_600_000

    assert repeat_strategy(NEW_YEAR, {"pattern": "0 9 * * *", "endDate": nine_o_clock}) == nine_o_clock
    assert repeat_strategy(NEW_YEAR, {"pattern": "0 9 * * *", "endDate": nine_o_clock - 1}) is None


# -- what Node wrote and `CronPattern.parse` refuses


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("5 9 * *", "2026-01-09T05:00:00+00:00"),
        ("3", "2026-01-07T00:00:00+00:00"),
        ("*", "2026-01-01T00:01:00+00:00"),
    ],
)
def test_fields_missing_in_front_are_filled_up_as_node_does(pattern: str, expected: str) -> None:
    assert following({"pattern": pattern}) == expected


@pytest.mark.parametrize(
    ("pattern", "within_days"),
    [
        ("H * * * *", 1),
        ("H(10-19)/3 H(1-5) * * *", 2),
        ("0 H/6 * * *", 1),
        ("0 0 H H *", 732),
        ("H H * * H", 8),
    ],
)
def test_a_value_that_node_draws_is_fixed_and_keeps_the_pace(pattern: str, within_days: int) -> None:
    first = repeat_strategy(NEW_YEAR, {"pattern": pattern, "tz": "UTC"})

    assert first is not None
    assert NEW_YEAR < first <= NEW_YEAR + within_days * DAY_MS
    assert repeat_strategy(NEW_YEAR, {"pattern": pattern, "tz": "UTC"}) == first


@pytest.mark.parametrize(
    ("tz", "expected"),
    [
        ("europe/stockholm", "2026-01-01T08:00:00+00:00"),
        ("UTC+2", "2026-01-01T07:00:00+00:00"),
        ("utc-3:30", "2026-01-01T12:30:00+00:00"),
        ("utc+99", "2026-01-01T09:00:00+00:00"),
        ("local", "2026-01-01T09:00:00+00:00"),
        ("utc", "2026-01-01T09:00:00+00:00"),
    ],
)
def test_a_zone_that_node_alone_knows_is_found_or_is_utc(tz: str, expected: str) -> None:
    assert following({"pattern": "0 9 * * *", "tz": tz}) == expected


@pytest.mark.parametrize(
    "pattern", ["FREQ=WEEKLY;BYDAY=MO", "1-5-7 * * * *", "H(60-80) * * * *", "* * * * * * * *", 17.5, "é"]
)
def test_a_pattern_that_cannot_be_read_comes_up_again_after_a_day(pattern: object) -> None:
    assert repeat_strategy(NEW_YEAR, {"pattern": pattern}) == NEW_YEAR + DAY_MS


def test_what_is_not_accepted_is_warned_of_once(warnings: list[str]) -> None:
    for _ in range(3):
        repeat_strategy(NEW_YEAR, {"pattern": "RRULE for the warning", "tz": "Europe/Stockholm"})

    assert len(warnings) == 1
    assert "it comes up again after 1 day" in warnings[0]
    assert "'RRULE for the warning'" in warnings[0]
