"""Logging: loguru, pretty for people and JSON lines for machines, with the standard library's loggers routed in.

Nothing here runs when the library is only imported: a program that merely triggers jobs keeps its own logging.
"""

from __future__ import annotations

import json
import logging
import math
import sys
import traceback
from collections.abc import Collection, Mapping
from contextvars import ContextVar
from datetime import UTC
from typing import TYPE_CHECKING, Final, TextIO, cast

from loguru import logger

from midday_worker.settings import Settings
from midday_worker.urls import redact_text

if TYPE_CHECKING:
    from loguru import Logger, Record

JOB_FIELDS: Final = ("job_id", "job", "queue", "attempt")
"""What every line of a job is bound with."""

running_job: Final[ContextVar[Mapping[str, object] | None]] = ContextVar("running_job", default=None)
"""The fields of the job that runs in this context, for whatever is logged in it, through the standard library too.

loguru's `contextualize` does the same at several times the cost for each job, whether or not anything is logged.
"""

PROCESS_FIELD: Final = "worker_process"
"""What every line of a service of several processes is bound with."""

_DEEPEST: Final = 6
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
    target = sys.stderr if stream is None else stream
    pretty = settings.log_format == "pretty" or (settings.log_format == "auto" and settings.development)
    logger.remove()
    logger.configure(patcher=complete, extra=None if process is None else {PROCESS_FIELD: process})
    if pretty:
        # loguru's `diagnose` prints the values of variables, and with them payloads.
        diagnose = settings.development and settings.log_payloads
        logger.add(
            lambda message: _write(target, redact_text(message)),
            level=settings.log_level,
            format=_pretty_format,
            colorize=target.isatty(),
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


def _pretty_format(record: Record) -> str:
    job = "<magenta>{extra[job]}</magenta> <dim>{extra[job_id]}</dim> " if _has_job(record) else ""
    process = f"<dim>#{{extra[{PROCESS_FIELD}]}}</dim> " if PROCESS_FIELD in record["extra"] else ""
    return (
        "<dim>{time:HH:mm:ss.SSS}</dim> <level>{level: <8}</level> "
        f"{process}<cyan>{{name}}</cyan> {job}<level>{{message}}</level>\n{{exception}}"
    )


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
