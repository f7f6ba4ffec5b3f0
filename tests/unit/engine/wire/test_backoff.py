"""When a failed job is tried again."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midday_worker import RetryAfter
from midday_worker.engine.wire.backoff import retry_delay_ms
from midday_worker.settings.durations import MAX_MS

BOOM = ValueError("boom")


@pytest.mark.parametrize(
    ("backoff", "made", "delay"),
    [
        (None, 1, 0),
        (0, 1, 0),
        (1_000, 3, 1_000),
        (-5, 1, 0),
        (2.6, 1, 3),
        ({"type": "fixed", "delay": 1_000}, 3, 1_000),
        ({"type": "exponential", "delay": 1_000}, 1, 1_000),
        ({"type": "exponential", "delay": 1_000}, 3, 4_000),
        ({"type": "exponential", "delay": 1_000}, 10**6, MAX_MS),
        ({"type": "fixed", "delay": -1}, 1, 0),
        ({"type": "fixed"}, 1, 0),
        ({"type": "fixed", "delay": 1_000, "jitter": 5}, 1, 1_000),
        ({"type": "fixed", "delay": 1_000, "jitter": "x"}, 1, 1_000),
        (math.inf, 1, MAX_MS),
        ({"type": "exponential", "delay": 1e308}, 9, MAX_MS),
    ],
)
def test_the_delay_is_the_backoffs(backoff: object, made: int, delay: int) -> None:
    assert retry_delay_ms(BOOM, backoff, made) == delay


@pytest.mark.parametrize(
    "backoff",
    [
        "soon",
        {"type": "mine", "delay": 5},
        {"type": "fixed", "delay": "5"},
        {},
        [],
        math.nan,
        {"type": "fixed", "delay": math.nan},
    ],
)
def test_a_backoff_that_nobody_knows_is_the_librarys(backoff: object) -> None:
    if not backoff:
        assert retry_delay_ms(BOOM, backoff, 2) == 0
    else:
        assert 2_000 <= retry_delay_ms(BOOM, backoff, 2) <= 4_000


@pytest.mark.parametrize(("delay", "ms"), [("5s", 5_000), (7, 7), (timedelta(minutes=1), 60_000), (0, 0)])
def test_retry_after_names_its_own_delay(delay: int | str | timedelta, ms: int) -> None:
    assert retry_delay_ms(RetryAfter(delay), {"type": "fixed", "delay": 99}, 1) == ms


def test_a_retry_after_that_makes_no_sense_is_the_librarys() -> None:
    assert 1_000 <= retry_delay_ms(RetryAfter("soon"), None, 1) <= 2_000


NUMBERS = st.one_of(st.integers(), st.floats(), st.none(), st.text(max_size=3), st.booleans())


@given(
    st.one_of(
        NUMBERS,
        st.fixed_dictionaries(
            {}, optional={"type": st.sampled_from(["fixed", "exponential", "x"]), "delay": NUMBERS, "jitter": NUMBERS}
        ),
    ),
    st.integers(1, 10**9),
)
def test_whatever_is_stored_the_delay_is_within_bounds(backoff: object, made: int) -> None:
    assert 0 <= retry_delay_ms(BOOM, backoff, made) <= MAX_MS


@given(st.integers(0, 10**7), st.floats(0, 1), st.integers(1, 20))
def test_jitter_takes_at_most_its_share(delay: int, jitter: float, made: int) -> None:
    full = delay * 2 ** (made - 1)

    got = retry_delay_ms(BOOM, {"type": "exponential", "delay": delay, "jitter": jitter}, made)

    assert math.floor(full * (1 - jitter)) <= got <= full + 1
