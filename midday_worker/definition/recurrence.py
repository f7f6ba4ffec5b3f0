"""The arguments of a recurring trigger, checked."""

from __future__ import annotations

import hashlib
import json
import time
from datetime import UTC, datetime

from midday_worker.engine.cron.pattern import CronPattern
from midday_worker.engine.producer.schedule import Recurrence
from midday_worker.errors import InvalidInputError, ScheduleError
from midday_worker.schema.schema import JsonValue
from midday_worker.settings.durations import Duration, to_milliseconds


def recurrence(
    pattern: str | None,
    *,
    every: Duration | None,
    tz: str | None,
    start: datetime | None,
    end: datetime | None,
    limit: int | None,
) -> Recurrence:
    """Return when a schedule fires. Raises ScheduleError, DurationError."""
    if (pattern is None) == (every is None):
        raise ScheduleError("A schedule needs a cron pattern or every=..., and not both.", pattern=pattern, tz=tz)
    if every is not None and tz is not None:
        raise ScheduleError("tz goes with a cron pattern; every=... is the same in all time zones.", tz=tz)
    start_ms, end_ms = _epoch_ms("start", start), _epoch_ms("end", end)
    if start_ms is not None and end_ms is not None and start_ms >= end_ms:
        raise ScheduleError(f"The schedule's start ({start}) is not before its end ({end}).")
    if end is not None and end_ms is not None and end_ms <= time.time() * 1000:
        raise ScheduleError(f"The schedule's end ({end}) is past: it would never fire.")
    return Recurrence(
        pattern=_pattern(pattern, tz),
        every_ms=_every_ms(every),
        start_ms=start_ms,
        end_ms=end_ms,
        limit=_limit(limit),
    )


def default_schedule_id(job: str, data: JsonValue) -> str:
    """Return the id of a schedule that was given none: the job's name and a hash of the payload."""
    canonical = json.dumps(data, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(canonical.encode()).hexdigest()[:16]
    return f"{job.replace(':', '-')}-{digest}"


def check_schedule_id(given: str) -> None:
    """Raise InvalidInputError for an id that is empty or has a ":", which means BullMQ's older repeatable jobs."""
    if not isinstance(given, str) or not given or ":" in given:  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
        raise InvalidInputError(f'schedule_id is {given!r}; accepted: a non-empty text without ":".')


def _pattern(pattern: object, tz: object) -> CronPattern | None:
    if pattern is None:
        return None
    if not isinstance(pattern, str):
        raise ScheduleError(f'The pattern is {pattern!r}; accepted: a cron pattern as text, for example "0 9 * * *".')
    if tz is not None and not isinstance(tz, str):
        raise ScheduleError(f'tz is {tz!r}; accepted: the name of a time zone, for example "Europe/Stockholm".')
    return CronPattern.parse(pattern, tz)


def _limit(limit: object) -> int | None:
    if limit is None:
        return None
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise ScheduleError(f"limit is {limit!r}; accepted: an integer of 1 or more.")
    return limit


def _every_ms(every: Duration | None) -> int | None:
    if every is None:
        return None
    milliseconds = to_milliseconds(every, "every")
    if milliseconds == 0:
        raise ScheduleError(f"every is {every!r}; accepted: a duration above zero.")
    return milliseconds


def _epoch_ms(name: str, moment: object) -> int | None:
    if moment is None:
        return None
    if not isinstance(moment, datetime):
        raise ScheduleError(f"{name} is {moment!r}; accepted: a datetime.")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)
