"""A child's log lines, written where the worker's go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loguru import logger

from midday_worker.processes.message import LogLine

if TYPE_CHECKING:
    from loguru import Record


def write_log(line: LogLine) -> None:
    """Log a line of a child under the name, function and line it came from."""

    def locate(record: Record) -> None:
        record["name"] = line["name"]
        record["function"] = line["function"]
        record["line"] = line["line"]

    level: str | int = line["level"]
    try:
        logger.level(line["level"])
    except ValueError:  # one of the handler's own
        level = line["level_number"]
    logger.patch(locate).bind(**line["extra"]).log(level, "{}", line["text"])
