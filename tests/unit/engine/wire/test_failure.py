"""What is written of a failure."""

from __future__ import annotations

import pytest
from bullmq.custom_errors import UnrecoverableError

from midday_worker import NonRetryableError, RetryAfter
from midday_worker.engine.wire.backoff import is_final
from midday_worker.engine.wire.failure import (
    LONGEST_REASON,
    LONGEST_STACK,
    reason_of,
    stack_of,
)
from midday_worker.errors import ResultError


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
