"""Exceptions on their way from a process to the worker."""

from __future__ import annotations

import argparse
import importlib
import inspect
import re
import threading
import xml.dom
from collections.abc import Iterator
from contextlib import suppress
from email.message import Message
from types import SimpleNamespace
from typing import Final
from urllib.error import HTTPError, URLError
from xml.sax.xmlreader import Locator

import bullmq
import pytest
import sqlalchemy.exc
from pydantic import BaseModel, Field, ValidationError

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


def test_one_that_would_arrive_with_another_text_arrives_as_a_plain_error() -> None:
    assert repr(there_and_back(TornError())) == "RuntimeError('TornError: torn')"


def test_one_that_forbids_a_retry_goes_on_forbidding_it() -> None:
    class LocalError(NonRetryableError):
        pass

    back = there_and_back(LocalError("never"))
    assert (type(back), str(back)) == (NonRetryableError, "LocalError: never")


def test_one_without_a_readable_message_arrives() -> None:
    back = there_and_back(MuteError())
    assert isinstance(back, MuteError)
    assert "its message raised RuntimeError" in failure_of(back)["text"]


class Here(Locator):
    """A place in a document, which looks the same in each process."""

    def __repr__(self) -> str:
        return "here"


MODULES: Final = (
    "argparse ast asyncio binascii bz2 builtins codecs concurrent.futures configparser copy csv ctypes dataclasses "
    "decimal doctest email.errors enum fractions ftplib getopt graphlib gzip http.client http.cookies imaplib "
    "importlib.metadata inspect ipaddress json locale lzma mailbox multiprocessing netrc optparse os pickle plistlib "
    "poplib queue re select shutil signal smtplib socket sqlite3 ssl statistics struct subprocess tarfile tempfile "
    "threading tokenize tomllib traceback unittest urllib.error uuid wave weakref xml.dom xml.etree.ElementTree "
    "xml.parsers.expat xml.sax xmlrpc.client zipfile zlib zoneinfo"
)

ARGUMENTS: tuple[tuple[object, ...], ...] = (
    *((), ("why",), (2, "none there"), (2, "none there", "a.txt"), (2, "none there", "a.txt", None, "b.txt")),
    *(("utf-8", b"\xff", 0, 1, "why"), ("utf-8", "\xff", 0, 1, "why"), ("\xff", 0, 1, "why")),
    *(("why", ("a.py", 3, 5, "text")), ("why", "document", 0), ("why", [ValueError(1), OSError(2, "none there")])),
    *(
        (b"part", 5),
        (1, ["command"], "output", "errors"),
        (["command"], 1.5),
        ("a", "b", "c", "d"),
        (550, b"no", "a@b"),
    ),
    *((None, "why"), ("a.ini", 3, "line"), (SimpleNamespace(name="a"),), (SimpleNamespace(name="a"), "b")),
    ("why", None, Here()),
)
"""What exceptions are made of."""

LEFT_OUT: Final = {
    "itimer_error": "not found under its own name, so that nothing can pickle it",
    "URLError": "made of two arguments, it keeps the second where no pickle sees it; below",
    "HTTPError": "holds a file, which it closes; below",
}


def found_exceptions() -> Iterator[type[BaseException]]:
    modules = map(importlib.import_module, MODULES.split())
    for value in {value for module in modules for value in vars(module).values() if inspect.isclass(value)}:
        if issubclass(value, BaseException) and value.__name__ not in LEFT_OUT:
            yield value


def made(kind: type[BaseException]) -> Iterator[BaseException]:
    for arguments in ARGUMENTS:
        with suppress(Exception):
            error = kind(*arguments)
            if type(error) is kind:  # a BaseExceptionGroup of plain exceptions is an ExceptionGroup
                yield error


def seen(error: BaseException) -> dict[str, str]:
    """What one sees of an exception: its text, and all its attributes, wherever they are held."""
    text = failure_of(error)["text"]
    return {"text": text, **{name: _attribute(error, name) for name in dir(error) if not name.startswith("_")}}


def _attribute(error: BaseException, name: str) -> str:
    try:
        value: object = getattr(error, name)
    except Exception as missing:  # some know only after they were raised
        return type(missing).__name__
    return "a call" if callable(value) else re.sub(r" at 0x\w+", "", repr(value))


def test_every_exception_of_the_standard_library_arrives_as_it_was() -> None:
    kinds = list(found_exceptions())
    assert len(kinds) > 200
    for kind in kinds:
        errors = list(made(kind))
        assert errors or kind in (BaseExceptionGroup, argparse.ArgumentError, xml.dom.DOMException), kind
        for error in errors:
            back = error_of(failure_of(error))
            assert type(back) is kind
            assert seen(back) == seen(error), kind


class FileError(FileNotFoundError):
    """Its class isn't made of its arguments."""

    def __init__(self, *, path: str) -> None:
        self.path = path
        super().__init__(2, "none there", path)


class Positive(BaseModel):
    amount: int = Field(gt=0)


def test_a_class_of_ones_own_keeps_what_the_language_keeps_beside_the_arguments() -> None:
    back = there_and_back(FileError(path="a.txt"))
    assert isinstance(back, FileError)
    assert (back.errno, back.filename, back.path) == (2, "a.txt", "a.txt")


def test_what_pydantic_raises_arrives_as_it_was() -> None:
    with pytest.raises(ValidationError) as failure:
        Positive(amount=-1)
    back = there_and_back(failure.value)
    assert isinstance(back, ValidationError)
    assert back.errors() == failure.value.errors()


@pytest.mark.parametrize(
    "error",
    [
        bullmq.UnrecoverableError("a"),
        sqlalchemy.exc.IntegrityError("INSERT", {}, ValueError("b")),
        URLError("why"),
        HTTPError("http://a/", 404, "Not Found", Message(), None),
        argparse.ArgumentError(None, "why"),
        ExceptionGroup("both", [ValueError("a"), UnicodeDecodeError("utf-8", b"\xff", 0, 1, "why")]),
    ],
)
def test_what_libraries_raise_arrives_as_it_was(error: Exception) -> None:
    back = there_and_back(error)
    assert (type(back), str(back)) == (type(error), str(error))


@pytest.mark.parametrize("error", [AttributeError("no", name="total"), NameError("no", name="total")])
def test_the_name_that_pickle_leaves_out_travels(error: AttributeError | NameError) -> None:
    back = error_of(failure_of(error))
    assert isinstance(back, type(error))
    assert back.name == "total"
    assert str(back) == "no"
