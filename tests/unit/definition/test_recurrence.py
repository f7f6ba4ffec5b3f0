"""The arguments of a recurring trigger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TypedDict, cast

import pytest
from typing_extensions import Unpack

from midday_worker import Duration
from midday_worker.definition.recurrence import check_schedule_id, default_schedule_id, recurrence
from midday_worker.engine.producer.schedule import Recurrence
from midday_worker.errors import DurationError, ScheduleError


class Arguments(TypedDict, total=False):
    every: Duration | None
    tz: str | None
    start: datetime | None
    end: datetime | None
    limit: int | None


def make(pattern: str | None = None, **given: Unpack[Arguments]) -> Recurrence:
    arguments: Arguments = {"every": None, "tz": None, "start": None, "end": None, "limit": None, **given}
    return recurrence(
        pattern,
        every=arguments.get("every"),
        tz=arguments.get("tz"),
        start=arguments.get("start"),
        end=arguments.get("end"),
        limit=arguments.get("limit"),
    )


NEXT_CENTURY = datetime(2100, 1, 1, tzinfo=UTC)
NEXT_CENTURY_MS = 4_102_444_800_000


def test_a_pattern_without_a_zone_is_in_utc() -> None:
    assert make("0  9 * * *").encode() == {"pattern": "0 9 * * *", "tz": "UTC"}


def test_a_pattern_keeps_its_zone() -> None:
    assert make("0 9 * * *", tz="Europe/Stockholm").encode()["tz"] == "Europe/Stockholm"


def test_an_interval_is_in_milliseconds() -> None:
    assert make(every="1h", limit=3).encode() == {"every": 3_600_000, "limit": 3}


def test_bounds_are_epoch_milliseconds_and_utc_where_they_have_no_zone() -> None:
    oslo = timezone(timedelta(hours=1))
    when = make(every=1_000, start=datetime(2100, 1, 1), end=datetime(2100, 1, 1, 2, tzinfo=oslo))

    assert (when.start_ms, when.end_ms) == (NEXT_CENTURY_MS, NEXT_CENTURY_MS + 3_600_000)


@pytest.mark.parametrize(
    ("pattern", "given", "message"),
    [
        (None, {}, "needs a cron pattern or every=..., and not both"),
        ("0 9 * * *", {"every": "1h"}, "and not both"),
        (None, {"every": "1h", "tz": "UTC"}, "tz goes with a cron pattern"),
        (None, {"every": 0}, "every is 0; accepted: a duration above zero"),
        (None, {"every": "1h", "limit": 0}, "limit is 0; accepted: an integer of 1 or more"),
        (None, {"every": "1h", "limit": True}, "limit is True"),
        (None, {"every": "1h", "limit": 1.5}, "limit is 1.5"),
        (None, {"every": "1h", "limit": "3"}, "limit is '3'"),
        (None, {"every": "1h", "start": NEXT_CENTURY, "end": NEXT_CENTURY}, "is not before its end"),
        (None, {"every": "1h", "end": datetime(2000, 1, 1, tzinfo=UTC)}, "is past: it would never fire"),
        (None, {"every": "1h", "start": "tomorrow"}, "start is 'tomorrow'; accepted: a datetime"),
        ("61 9 * * *", {}, r"Can't use the cron pattern '61 9 \* \* \*'"),
        ("0 9 * * *", {"tz": "Europe/Stokholm"}, "Europe/Stokholm"),
        ("0 9 * * *", {"tz": 1}, "tz is 1; accepted: the name of a time zone"),
        (9, {}, "The pattern is 9; accepted: a cron pattern as text"),
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(pattern: str | None, given: Arguments, message: str) -> None:
    with pytest.raises(ScheduleError, match=message):
        make(pattern, **given)


def test_a_wrong_interval_is_a_duration_error() -> None:
    with pytest.raises(DurationError, match=r"^every is 'often'"):
        make(every=cast("Duration", "often"))


def test_a_schedules_id_is_made_of_job_and_payload_whatever_the_order_of_its_keys() -> None:
    made = default_schedule_id("pay", {"a": 1, "b": "å"})

    assert made == default_schedule_id("pay", {"b": "å", "a": 1})
    assert made != default_schedule_id("pay", {"a": 1, "b": "a"})
    assert made != default_schedule_id("bill", {"a": 1, "b": "å"})


def test_an_id_that_is_given_is_taken() -> None:
    check_schedule_id("nightly")
