"""Exceptions on their way from a process to the worker."""

from __future__ import annotations

import threading

import pytest

from midday_worker import NonRetryableError, RetryAfter
from midday_worker.processes.failure import error_of, failure_of


class NeedsMoreError(Exception):
    """Its class isn't made of its message."""

    def __init__(self, *, limit: int) -> None:
        self.limit = limit
        super().__init__(f"more than {limit}")


class WithLockError(NeedsMoreError):
    """Holds what can't be pickled, and what can't be made again."""

    def __init__(self, *, limit: int) -> None:
        super().__init__(limit=limit)
        self.lock = threading.Lock()
        self.cause = UnpicklingFailsError(limit=limit)


class UnpicklingFailsError(NeedsMoreError):
    """Python itself would make it of its message."""


class BusyError(RetryAfter):
    """Holds what can't be pickled."""

    def __init__(self, delay: str, reason: str) -> None:
        super().__init__(delay, reason)
        self.lock = threading.Lock()


class TornError(Exception):
    """Says something else once it has lost what can't be pickled."""

    def __init__(self) -> None:
        super().__init__("torn")
        self.lock = threading.Lock()

    def __str__(self) -> str:
        return "torn" if hasattr(self, "lock") else "torn, and no lock"


class MuteError(Exception):
    def __str__(self) -> str:
        raise RuntimeError


def there_and_back(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as raised:
        return error_of(failure_of(raised))


def test_the_same_class_with_its_attributes_arrives_and_the_traceback_as_a_note() -> None:
    error = there_and_back(NeedsMoreError(limit=5))
    assert isinstance(error, NeedsMoreError)
    assert (error.limit, str(error)) == (5, "more than 5")
    assert "in there_and_back\n    raise error" in error.__notes__[-1]


def test_retry_after_keeps_its_delay() -> None:
    error = there_and_back(RetryAfter("30s", "busy"))
    assert isinstance(error, RetryAfter)
    assert (error.delay, str(error)) == ("30s", "busy")


@pytest.mark.parametrize("error", [OSError(2, "none there"), KeyError("key"), SystemExit(3), ValueError()])
def test_exceptions_of_the_language_arrive_as_they_are(error: BaseException) -> None:
    back = there_and_back(error)
    assert (type(back), back.args, str(back)) == (type(error), error.args, str(error))


def test_a_class_arrives_without_the_attributes_that_cannot_travel() -> None:
    error = WithLockError(limit=5)
    back = there_and_back(error)
    assert isinstance(back, WithLockError)
    assert (back.args, back.limit, str(back)) == (error.args, 5, "more than 5")
    assert not hasattr(back, "lock")
    assert not hasattr(back, "cause")


def test_retry_after_keeps_its_delay_though_it_holds_what_cannot_travel() -> None:
    back = there_and_back(BusyError("100ms", "busy"))
    assert isinstance(back, BusyError)
    assert (back.delay, str(back)) == ("100ms", "busy")


@pytest.mark.parametrize(
    "error", [ValueError("bad", threading.Lock()), KeyError(threading.Lock())], ids=["value", "key"]
)
def test_a_class_arrives_with_the_text_of_arguments_that_cannot_travel(error: Exception) -> None:
    back = there_and_back(error)
    assert type(back) is type(error)
    assert back.args == (str(error),)


def test_what_cannot_travel_arrives_as_a_plain_error_that_names_it() -> None:
    class LocalError(Exception): ...

    assert repr(there_and_back(LocalError("bad"))) == "RuntimeError('LocalError: bad')"
    back = there_and_back(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"))
    assert str(back) == "UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"


def test_one_that_would_arrive_with_another_text_arrives_as_a_plain_error() -> None:
    assert repr(there_and_back(TornError())) == "RuntimeError('TornError: torn')"


def test_one_that_forbids_a_retry_goes_on_forbidding_it() -> None:
    class LocalError(NonRetryableError):
        pass

    back = there_and_back(LocalError("never"))
    assert (type(back), str(back)) == (NonRetryableError, "LocalError: never")


def test_one_without_a_readable_message_arrives() -> None:
    assert "its message raised RuntimeError" in str(there_and_back(MuteError()))
