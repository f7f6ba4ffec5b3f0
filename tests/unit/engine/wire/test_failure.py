"""What is written of a failure, and when a failed job is tried again."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from bullmq.custom_errors import UnrecoverableError
from hypothesis import given
from hypothesis import strategies as st

from midday_worker import NonRetryableError, RetryAfter
from midday_worker.engine.wire.failure import (
    LONGEST_REASON,
    LONGEST_STACK,
    is_final,
    reason_of,
    retry_delay_ms,
    stack_of,
)
from midday_worker.errors import ResultError
from midday_worker.settings.durations import MAX_MS


class Speechless(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("boom"), "boom"),
        (ValueError(), "ValueError"),
        (ValueError(""), "ValueError"),
        (KeyError("user"), "KeyError: 'user'"),
        (Speechless(), "Speechless (its message raised RuntimeError)"),
        (ValueError("a\ud800b"), "a?b"),
    ],
)
def test_a_reason_is_never_empty_and_always_storable(error: Exception, reason: str) -> None:
    assert reason_of(error) == reason


def test_a_long_reason_is_shortened_and_says_so() -> None:
    reason = reason_of(ValueError("x" * 20_000))

    assert reason == "x" * LONGEST_REASON + "… (20000 characters in all)"


def test_a_stack_is_the_traceback() -> None:
    try:
        raise ValueError("boom")
    except ValueError as error:
        stack = stack_of(error)

    assert stack.startswith("Traceback (most recent call last):")
    assert stack.endswith("ValueError: boom\n")


def test_a_stack_that_can_not_be_formatted_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_error: object) -> list[str]:
        raise RuntimeError

    monkeypatch.setattr("traceback.format_exception", broken)

    assert stack_of(ValueError("boom")) == "ValueError: the traceback can't be formatted"


def test_a_long_stack_is_shortened() -> None:
    assert len(stack_of(ValueError("x" * (LONGEST_STACK * 2)))) < LONGEST_STACK + 100


@pytest.mark.parametrize(
    ("error", "final"),
    [
        (NonRetryableError("no"), True),
        (ResultError("pay", "object", "no JSON"), True),
        (UnrecoverableError("no"), True),
        (ValueError("boom"), False),
        (RetryAfter("1s"), False),
    ],
)
def test_some_errors_forbid_further_attempts(error: Exception, final: bool) -> None:
    assert is_final(error) is final


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
