"""Durations: every accepted form, and what is said about others."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midday_worker import Duration
from midday_worker.errors import DurationError
from midday_worker.settings.durations import MAX_MS, from_milliseconds, to_milliseconds


@pytest.mark.parametrize(
    ("value", "milliseconds"),
    [
        (0, 0),
        (250, 250),
        ("500ms", 500),
        ("5s", 5_000),
        ("30m", 1_800_000),
        ("12h", 43_200_000),
        ("3d", 259_200_000),
        ("2w", 1_209_600_000),
        ("1h30m", 5_400_000),
        ("1h 30m", 5_400_000),
        (" 5 s ", 5_000),
        ("1.5s", 1_500),
        ("0.4ms", 0),
        ("0s", 0),
        (timedelta(days=3), 259_200_000),
        (timedelta(microseconds=1_600), 2),
        (MAX_MS, MAX_MS),
    ],
)
def test_a_duration_is_read(value: Duration, milliseconds: int) -> None:
    assert to_milliseconds(value) == milliseconds


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "5",
        "s",
        "5x",
        "5 seconds",
        "-5s",
        "5s5s",
        "30m1h",
        "1h,30m",
        "1e3s",
        "\u0665s",
        ".5s",
        True,
        1.5,
        None,
        b"5s",
        [5],
    ],
)
def test_another_form_is_refused_with_those_that_are_accepted(value: Duration) -> None:
    with pytest.raises(DurationError) as failure:
        to_milliseconds(value, "option delay")

    assert str(failure.value).startswith(f"option delay is {value!r}; accepted: milliseconds as an int, a text")


@pytest.mark.parametrize("value", [-1, timedelta(seconds=-1)])
def test_a_negative_duration_is_refused(value: Duration) -> None:
    with pytest.raises(DurationError, match="can't be negative"):
        to_milliseconds(value)


@pytest.mark.parametrize("value", [MAX_MS + 1, "200000000w", timedelta.max, f"{'9' * 400}s"])
def test_a_duration_that_node_could_not_hold_is_refused(value: Duration) -> None:
    with pytest.raises(DurationError, match="the longest duration is 9007199254740991 ms"):
        to_milliseconds(value)


@given(st.integers(0, MAX_MS))
def test_milliseconds_mean_the_same_in_every_form(milliseconds: int) -> None:
    assert to_milliseconds(milliseconds) == to_milliseconds(f"{milliseconds}ms") == milliseconds


@given(st.integers(0, 10_000), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_a_text_of_parts_is_their_sum(days: int, hours: int, minutes: int, seconds: int, ms: int) -> None:
    span = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds, milliseconds=ms)

    assert to_milliseconds(f"{days}d{hours}h{minutes}m{seconds}s{ms}ms") == to_milliseconds(span)


@given(st.text(alphabet="0123456789.msdhw ", max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        assert 0 <= to_milliseconds(text) <= MAX_MS
    except DurationError as error:
        assert repr(text) in str(error)


@given(st.integers(0, MAX_MS))
def test_what_is_written_is_read_back(milliseconds: int) -> None:
    assert to_milliseconds(from_milliseconds(milliseconds)) == milliseconds


@given(st.integers(0, 2**30), st.integers(0, 2**30), st.sampled_from(["ms", "s", "m"]))
def test_a_longer_text_is_a_longer_duration(one: int, other: int, unit: str) -> None:
    shorter, longer = sorted((one, other))

    assert to_milliseconds(f"{shorter}{unit}") <= to_milliseconds(f"{longer}{unit}")
    assert to_milliseconds(timedelta(milliseconds=shorter)) <= to_milliseconds(timedelta(milliseconds=longer))


@given(st.integers(0, MAX_MS // 1000))
def test_a_duration_survives_being_a_timedelta(seconds: int) -> None:
    assert to_milliseconds(timedelta(seconds=seconds)) == to_milliseconds(f"{seconds}s") == seconds * 1000


@given(st.integers(max_value=-1) | st.integers(MAX_MS + 1) | st.floats() | st.binary() | st.lists(st.integers()))
def test_whatever_else_is_refused(value: Duration) -> None:
    with pytest.raises(DurationError):
        to_milliseconds(value)
