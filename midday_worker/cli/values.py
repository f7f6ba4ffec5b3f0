"""How the values of the command line's options are read: an error names the option, its value, and what is accepted."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from midday_worker.errors import ConfigurationError, DurationError, OptionError
from midday_worker.options import check_options
from midday_worker.queues import check_prefix
from midday_worker.settings.durations import to_milliseconds

# Not InvalidInputError: typer makes a message of its own of every ValueError.
_LAST: Final = 2**31 - 1
_CLEANABLE: Final = ("completed", "failed", "waiting", "active", "delayed", "prioritized", "paused")
_PREFIX: Final = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")


def whole_number(option: str, first: int, last: int = _LAST) -> Callable[[str], int]:
    """Return what reads a whole number from `first` to `last`."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = first - 1
        if not first <= number <= last:
            raise ConfigurationError(f"{option} is {text!r}; accepted: a whole number from {first} to {last}.")
        return number

    return read


def duration(option: str) -> Callable[[str], int]:
    """Return what reads a duration, in milliseconds."""

    def read(text: str) -> int:
        try:
            return to_milliseconds(int(text) if text.isdecimal() else text, option)
        except (DurationError, ValueError):  # an integer may have too many digits
            accepted = 'milliseconds, or a text such as "500ms", "5s", "30m", "1h30m", "3d"'
            raise ConfigurationError(f"{option} is {text!r}; accepted: {accepted}.") from None

    return read


def job_id(text: str) -> str:
    """Read an id that a job may have."""
    try:
        check_options({"job_id": text}, call=True)
    except OptionError as error:
        raise ConfigurationError(str(error).replace("Option job_id", "--job-id")) from error
    return text


def cleanable(text: str) -> str:
    """Read the state of jobs that may be removed together."""
    if text not in _CLEANABLE:
        raise ConfigurationError(f"--state is {text!r}; accepted: {', '.join(_CLEANABLE)}.")
    return text


def limit(what: str, text: str) -> int | None:
    """Read a limit: a whole number from 1, or "none"."""
    if text == "none":
        return None
    try:
        return whole_number(what, 1)(text)
    except ConfigurationError as error:
        raise ConfigurationError(f"{str(error)[:-1]}, or none.") from None


def key_prefix(text: str) -> str:
    """Return a prefix of queues' keys."""
    check_prefix(text, "--prefix is ")
    return text


def path_prefix(text: str) -> str:
    """Read the path below which something is served: as it was sent, with a slash before it and none after it."""
    plain = text.strip("/")
    if plain and not _PREFIX.fullmatch(plain):
        raise ConfigurationError(f'--prefix is {text!r}; accepted: a path such as "/admin/queues".')
    return f"/{plain}" if plain else ""


def separated(values: list[str] | None) -> list[str] | None:
    """Return what was given, one or several times, each with commas between or not.

    >>> separated(["a", "b, c"])
    ['a', 'b', 'c']
    """
    return values and [part.strip() for value in values for part in value.split(",") if part.strip()]
