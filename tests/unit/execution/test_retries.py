"""Which errors are tried again under which options, and when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, cast

import pytest
from bullmq.custom_errors import UnrecoverableError

from midday_worker import JobTimeoutError, NonRetryableError, OptionError, PayloadError, RetryAfter
from midday_worker.engine.job.job import Job
from midday_worker.engine.wire.options import encode
from midday_worker.errors import ResultError
from midday_worker.execution.retries import decide
from midday_worker.handling.job_runner import InvalidStoredPayload
from midday_worker.options import check_options, merge

Classes: TypeAlias = Sequence[type[Exception]] | type[Exception] | None


class Refused(ConnectionError):
    """An error of a service's own."""


def failed(error: BaseException, attempts_made: int = 0, **options: object) -> int | None:
    """How long a job waits for its next attempt after this error; None if there is none."""
    resolved = merge(check_options({"attempts": 3, "backoff": 100, **options}))
    job = Job.__new__(Job)
    job.opts, job.attemptsMade, job.discarded, job.id = encode(resolved), attempts_made, False, "j1"
    decide(job, resolved, error)
    return job.delay_before_next(error)


def soon(_attempt: int, _error: Exception) -> int:
    return 1


RETRIED, FAILED = True, False


@pytest.mark.parametrize(
    ("error", "retry_on", "fail_on", "outcome"),
    [
        # without classes everything is tried again, but what says that it must not be
        (ValueError(), None, None, RETRIED),
        (JobTimeoutError("j", 5), None, None, RETRIED),
        (SystemExit(), None, None, RETRIED),
        (NonRetryableError("no"), None, None, FAILED),
        (UnrecoverableError("no"), None, None, FAILED),
        (ResultError("j", "set", "no"), None, None, FAILED),
        (InvalidStoredPayload("j", ()), None, None, FAILED),
        (PayloadError("other", ()), None, None, RETRIED),
        # what a handler says in so many words goes before all classes
        (NonRetryableError("no"), NonRetryableError, None, FAILED),
        (RetryAfter(100), ConnectionError, None, RETRIED),
        (RetryAfter(100), None, Exception, RETRIED),
        # retry_on: these and no others
        (ConnectionResetError(), ConnectionError, None, RETRIED),
        (Refused(), [ValueError, ConnectionError], None, RETRIED),
        (ValueError(), ConnectionError, None, FAILED),
        (SystemExit(), ConnectionError, None, FAILED),
        (JobTimeoutError("j", 5), ConnectionError, None, FAILED),
        (JobTimeoutError("j", 5), TimeoutError, None, RETRIED),
        (ValueError(), (), None, FAILED),
        # fail_on: all but these
        (ValueError(), None, ValueError, FAILED),
        (UnicodeError(), None, [KeyError, ValueError], FAILED),
        (KeyError(), None, ValueError, RETRIED),
        (SystemExit(), None, Exception, RETRIED),
        # both: the nearer class decides, and of the same one in both, fail_on
        (Refused(), ConnectionError, OSError, RETRIED),
        (FileNotFoundError(), ConnectionError, OSError, FAILED),
        (FileNotFoundError(), OSError, FileNotFoundError, FAILED),
        (PermissionError(), OSError, FileNotFoundError, RETRIED),
        (Refused(), Refused, Refused, FAILED),
        (ValueError(), ConnectionError, OSError, FAILED),
    ],
)
def test_the_error_and_the_classes_say_whether_the_job_is_tried_again(
    error: BaseException, retry_on: Classes, fail_on: Classes, outcome: bool
) -> None:
    assert failed(error, retry_on=retry_on, fail_on=fail_on) == (100 if outcome else None)
    assert failed(error, attempts_made=2, retry_on=retry_on, fail_on=fail_on) is None  # the attempts are used up


def test_a_function_says_when_the_next_attempt_is_or_that_there_is_none() -> None:
    asked: list[tuple[int, Exception]] = []

    def backoff(attempt: int, error: Exception) -> int | str | None:
        asked.append((attempt, error))
        return None if isinstance(error, KeyError) else "1s" if attempt == 1 else 5

    first, second, third = ValueError("one"), ValueError("two"), KeyError("three")
    assert failed(first, backoff=backoff) == 1_000
    assert failed(second, attempts_made=1, backoff=backoff) == 5
    assert failed(third, backoff=backoff) is None
    assert asked == [(1, first), (2, second), (1, third)]


def test_a_function_is_not_asked_where_there_is_nothing_to_decide() -> None:
    def backoff(attempt: int, error: Exception) -> int:
        raise AssertionError("asked")

    assert failed(ValueError(), attempts_made=2, backoff=backoff) is None
    assert failed(NonRetryableError("no"), backoff=backoff) is None
    assert failed(RetryAfter("7s"), backoff=backoff) == 7_000
    assert failed(ValueError(), fail_on=ValueError, backoff=backoff) is None


@pytest.mark.parametrize("answer", [-1, "soon", object(), 1.5, ZeroDivisionError("x"), SystemExit("x")])
def test_a_function_that_fails_leaves_the_job_to_the_default_backoff(answer: object) -> None:
    def backoff(attempt: int, error: Exception) -> int:
        if isinstance(answer, BaseException):
            raise answer
        return cast("int", answer)

    delay = failed(ValueError(), backoff=backoff)

    assert delay is not None
    assert 1_000 <= delay <= 2_000


def test_an_error_that_is_no_exception_is_shown_to_the_function_as_one() -> None:
    def backoff(_attempt: int, error: Exception) -> int | None:
        return 7 if "SystemExit(3)" in str(error) else None

    assert failed(SystemExit(3), backoff=backoff) == 7


@pytest.mark.parametrize(
    ("backoff", "attempts_made", "least", "most"),
    [
        ({"type": "exponential", "delay": 100}, 1, 200, 200),
        ({"type": "exponential", "delay": 100, "max_delay": 150}, 1, 150, 150),
        ({"type": "exponential", "delay": 100, "max_delay": 150}, 0, 100, 100),
        ({"type": "fixed", "delay": 100, "max_delay": 30}, 0, 30, 30),
        ({"type": "exponential", "delay": 100, "jitter": "none"}, 1, 200, 200),
        ({"type": "exponential", "delay": 100, "jitter": "equal"}, 1, 100, 200),
        ({"type": "exponential", "delay": 100, "jitter": "full"}, 1, 0, 200),
        ({"type": "exponential", "delay": 100, "jitter": "equal", "max_delay": 60}, 1, 30, 60),
    ],
)
def test_backoffs_grow_to_their_limit_and_are_spread(
    backoff: object, attempts_made: int, least: int, most: int
) -> None:
    drawn = {failed(ValueError(), attempts_made, backoff=backoff) for _ in range(300)}

    assert None not in drawn
    values = cast("set[int]", drawn)
    assert least <= min(values) <= max(values) <= most
    if most > least:
        assert min(values) < least + (most - least) / 4
        assert max(values) > most - (most - least) / 4


@pytest.mark.parametrize(
    "options",
    [
        {"backoff": {"type": "fixed", "delay": 5, "jitter": "some"}},
        {"backoff": {"type": "fixed", "delay": 5, "jitter": 2}},
        {"backoff": {"type": "fixed", "delay": 5, "max_delay": -1}},
        {"backoff": int},
        {"retry_on": "ValueError"},
        {"retry_on": [ValueError, 5]},
        {"fail_on": BaseException},
        {"fail_on": ValueError()},
    ],
)
def test_a_wrong_option_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"accepted|negative"):
        check_options(options)


def test_a_coroutine_function_as_backoff_is_refused() -> None:
    async def backoff(attempt: int, error: Exception) -> int:
        return attempt

    with pytest.raises(OptionError, match="a plain function of the attempt and its error"):
        check_options({"backoff": backoff})


@pytest.mark.parametrize(("option", "value"), [("retry_on", ValueError), ("fail_on", ValueError), ("backoff", soon)])
def test_what_cannot_travel_belongs_to_no_call(option: str, value: object) -> None:
    with pytest.raises(OptionError, match="belongs to a job or a queue, not to a call"):
        check_options({option: value}, call=True)
