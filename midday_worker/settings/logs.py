"""Logging: loguru, pretty for people and JSON lines for machines, with the standard library's loggers routed in.

Nothing here runs when the library is only imported: a program that merely triggers jobs keeps its own logging.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
import sys
import traceback
from collections.abc import Collection, Mapping
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Final, TextIO, cast

from loguru import logger

from midday_worker.settings.printable import hanging, one_line, printable
from midday_worker.settings.settings import Settings
from midday_worker.settings.urls import redact_text

if TYPE_CHECKING:
    from loguru import Logger, Message, Record

JOB_FIELDS: Final = ("job_id", "job", "queue", "attempt")
"""What every line of a job is bound with."""

running_job: Final[ContextVar[Mapping[str, object] | None]] = ContextVar("running_job", default=None)
"""The fields of the job that runs in this context, for whatever is logged in it, through the standard library too.

loguru's `contextualize` does the same at several times the cost for each job, whether or not anything is logged.
"""

PROCESS_FIELD: Final = "worker_process"
"""What every line of a service of several processes is bound with."""

_DEEPEST: Final = 6
_DIM: Final = "2"
_BOLD: Final = "1"
_LEVELS: Final = {
    **{"TRACE": "36;1", "DEBUG": "34;1", "INFO": _BOLD, "SUCCESS": "32;1"},
    **{"WARNING": "33;1", "ERROR": "31;1", "CRITICAL": "41;1"},
}
"""loguru's own colours, as a terminal is told them."""

_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
# These log values at INFO and DEBUG: of SQL statements, and of rows.
_TALKATIVE: Final = ("sqlalchemy", "aiosqlite")


def configure_logging(settings: Settings, stream: TextIO | None = None, *, process: int | None = None) -> None:
    """Send all logs, loguru's and the standard library's, to one place in one form. Calling it again is safe.

    It replaces loguru's handlers: add your own afterwards.

    Args:
        settings: `log_format`, `log_level`, `log_payloads` and `environment` count.
        stream: standard error if not given.
        process: this process's number among those of its service; every line has it.
    """
    # Of a process that was started with standard error closed, nobody is there to read.
    target = stream or sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115 - for as long as the process lives
    pretty = settings.log_format == "pretty" or (settings.log_format == "auto" and settings.development)
    logger.remove()
    logger.configure(patcher=complete, extra=None if process is None else {PROCESS_FIELD: process})
    if pretty:
        # loguru's `diagnose` prints the values of variables, and with them payloads.
        diagnose = settings.development and settings.log_payloads
        coloured = target.isatty()
        logger.add(
            lambda message: _write(target, _pretty_line(message, coloured)),
            level=settings.log_level,
            format=lambda _record: "{exception}",  # the rest is ours, as nothing in it is to be obeyed by a terminal
            colorize=coloured,
            backtrace=False,
            diagnose=diagnose,
        )
    else:
        logger.add(
            lambda message: _write(target, _json_line(message.record)),
            level=settings.log_level,
            format="{message}",
            backtrace=False,
            diagnose=False,
        )
    route_standard_library(settings)


def job_logger(*, job_id: str, job: str, queue: str, attempt: int) -> Logger:
    """Return a logger whose lines all carry which attempt at which job they belong to."""
    return logger.bind(job_id=job_id, job=job, queue=queue, attempt=attempt)


class InterceptHandler(logging.Handler):
    """Hands the standard library's log records to loguru, under the name of their own logger."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log one record with loguru. As any handler of the standard library, it never raises."""
        try:
            self._log(record)
        except Exception:  # an argument whose repr raises, too
            self.handleError(record)

    def _log(self, record: logging.LogRecord) -> None:
        level: str | int = record.levelname
        try:
            logger.level(record.levelname)
        except ValueError:
            level = record.levelno

        def locate(line: Record) -> None:
            line["name"] = record.name
            line["function"] = record.funcName
            line["line"] = record.lineno

        logger.patch(locate).opt(exception=record.exc_info).log(level, _message(record))


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:  # a library's mistake: arguments that don't fit the message, or whose __str__ raises
        return f"{record.msg!r} can't be formatted with {record.args!r} ({type(error).__name__})"


def route_standard_library(settings: Settings) -> None:
    """Hand the standard library's log records to loguru, from the settings' level on."""
    root = logging.getLogger()
    for handler in root.handlers[:]:
        root.removeHandler(handler)
    root.addHandler(InterceptHandler())
    root.setLevel(logger.level(settings.log_level).no)
    logging.captureWarnings(True)
    quiet = logging.NOTSET if settings.log_payloads else logging.WARNING
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(quiet)


def _write(stream: TextIO, line: str) -> None:
    # Who read it may have gone, and the disk be full: the work goes on without its words.
    with suppress(OSError, ValueError):
        # One call, so that the lines of several processes don't mix.
        stream.write(line)
        stream.flush()


def complete(record: Record) -> None:
    """Add to a record what every line has: the job that is running, and no passwords. loguru calls it for each."""
    record["message"] = redact_text(record["message"])
    fields = running_job.get()
    if fields is not None:
        for name, value in fields.items():
            record["extra"].setdefault(name, value)


def _pretty_line(message: Message, coloured: bool) -> str:
    """Return a line for people: whoever wrote what is in it, only its first line begins at the margin."""
    record = message.record
    extra, level = record["extra"], record["level"].name
    said = _LEVELS.get(level, _BOLD)
    parts = [(format(record["time"], "HH:mm:ss.SSS"), _DIM), (f"{one_line(level): <8}", said)]
    if PROCESS_FIELD in extra:
        parts.append((f"#{extra[PROCESS_FIELD]}", _DIM))
    parts.append((one_line(record["name"] or ""), "36"))
    if _has_job(record):
        parts += [(one_line(str(extra["job"])), "35"), (one_line(str(extra["job_id"])), _DIM)]
    parts.append((hanging(record["message"]), said))
    line = " ".join(f"\x1b[{colour}m{text}\x1b[0m" if coloured else text for text, colour in parts)
    return f"{line}\n{_traceback(message, coloured)}"


def _traceback(message: Message, coloured: bool) -> str:
    """Return the exception that loguru has formatted; in its colours, unless a text in it has some of its own."""
    exception = message.record["exception"]
    if exception is None:
        return ""
    text, plain = redact_text(message), "".join(traceback.format_exception(*exception))
    if not coloured:
        text = printable(text)
    elif printable(plain) != plain:
        text = printable(_COLOUR.sub("", text))
    return indent(text, "    ")


def _has_job(record: Record) -> bool:
    return "job" in record["extra"] and "job_id" in record["extra"]


def _json_line(record: Record) -> str:
    extra = record["extra"]
    line: dict[str, object] = {
        "timestamp": record["time"].astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "level": record["level"].name,
        "message": record["message"],
        "logger": record["name"],
    }
    known = (PROCESS_FIELD, *JOB_FIELDS)
    line.update((name, _plain(extra[name])) for name in known if name in extra)
    others = {name: _plain(value) for name, value in extra.items() if name not in known}
    if others:
        line["extra"] = others
    exception = record["exception"]
    if exception is not None:
        text = "".join(traceback.format_exception(exception.type, exception.value, exception.traceback))
        line["exception"] = redact_text(text)
    return json.dumps(line) + "\n"


def _plain(value: object, depth: int = 0) -> object:
    """The value as JSON has it, whatever it is; URLs in it without their passwords."""
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if depth < _DEEPEST and isinstance(value, Mapping):
        pairs = cast("Mapping[object, object]", value).items()
        return {str(key): _plain(item, depth + 1) for key, item in pairs}
    if depth < _DEEPEST and isinstance(value, list | tuple | set | frozenset):
        return [_plain(item, depth + 1) for item in cast("Collection[object]", value)]
    return redact_text(str(value))
