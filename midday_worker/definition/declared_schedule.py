"""`every()` and `cron()`: the schedules that a job's definition declares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import EllipsisType
from typing import Final, Protocol, cast, get_args

from midday_worker.definition.recurrence import check_schedule_id, recurrence
from midday_worker.definition.spread import Spread
from midday_worker.engine.producer.schedule import Recurrence
from midday_worker.errors import DefinitionError, InvalidInputError
from midday_worker.schema.schema import InvalidValue, Schema
from midday_worker.settings.durations import Duration
from midday_worker.settings.values import EnvironmentName

_ENVIRONMENTS: Final[tuple[str, ...]] = get_args(EnvironmentName)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredSchedule:
    """A schedule as a job's definition declares it; made by `every` and `cron`.

    Attributes:
        pattern: when, as cron; None with `every`.
        every: how often; None with `pattern`.
        tz: the pattern's time zone.
        only: the environments that have it; empty is all.
        payload: of its runs; `...` is the payload of nothing but defaults.
        id: its own; empty is the job's name.
    """

    pattern: str | Spread | None = None
    every: Duration | None = None
    tz: str | None = None
    only: tuple[str, ...] = ()
    payload: object | EllipsisType = ...
    id: str = ""

    def recurrence(self) -> Recurrence:
        """Return when it fires. Raises ScheduleError, DurationError."""
        pattern = self.pattern.pattern_for(self.id) if isinstance(self.pattern, Spread) else self.pattern
        return recurrence(pattern, every=self.every, tz=self.tz, start=None, end=None, limit=None)


def every(
    interval: Duration,
    *,
    only: EnvironmentName | Sequence[EnvironmentName] = (),
    payload: object = ...,
    id: str = "",
) -> DeclaredSchedule:
    """Return a schedule for `job(schedule=...)` that fires again and again after a length of time.

    Args:
        interval: how long: milliseconds, "10m", a timedelta.
        only: the environments (`ENVIRONMENT`) that have this schedule; all if not given.
        payload: of its runs, checked where the job is defined; by default of nothing but the schema's defaults.
        id: the schedule's, steady as long as it is the same one: by default the job's name, of a second one in a list
            with `.2` behind it.

    Raises:
        ScheduleError, DurationError: the interval isn't one.
        InvalidInputError: there is no such environment, or no schedule can have such an id.
    """
    return _checked(DeclaredSchedule(every=interval, only=_environments(only), payload=payload, id=id))


def cron(
    pattern: str | Spread,
    *,
    tz: str | None = None,
    only: EnvironmentName | Sequence[EnvironmentName] = (),
    payload: object = ...,
    id: str = "",
) -> DeclaredSchedule:
    """Return a schedule for `job(schedule=...)` that fires by the clock.

    Args:
        pattern: 5 fields, or 6 with the seconds first; or what `spread` returned.
        tz: its time zone, an IANA name; UTC if not given.
        only, payload, id: see `every`.

    Raises:
        ScheduleError: the pattern or the zone is wrong.
        InvalidInputError: there is no such environment, or no schedule can have such an id.
    """
    return _checked(DeclaredSchedule(pattern=pattern, tz=tz, only=_environments(only), payload=payload, id=id))


def with_ids(job: str, declared: object, place: str) -> tuple[DeclaredSchedule, ...]:
    """Return what `job(schedule=...)` was given, each with its id.

    Raises:
        DefinitionError: it is something else, or two of them have one id.
    """
    given: Sequence[object] = (declared,)
    if isinstance(declared, (list, tuple)):
        given = cast("Sequence[object]", declared)
    found: list[DeclaredSchedule] = []
    for number, each in enumerate(given, 1):
        if not isinstance(each, DeclaredSchedule):
            raise _refused(job, place, each)
        own = job.replace(":", "-") + (f".{number}" if number > 1 else "")
        found.append(replace(each, id=each.id or own))
    twice = [schedule_id for schedule_id, count in Counter(each.id for each in found).items() if count > 1]
    if twice:
        raise DefinitionError(f"Job {job!r} at {place} has two schedules with the id {twice[0]!r}.")
    return tuple(found)


class ScheduledJob(Protocol):
    """A `JobDefinition`, seen from below."""

    id: str
    defined_at: str

    @property
    def schema(self) -> Schema[object]:
        """Its payload's."""
        ...


def schedule_payload(job: ScheduledJob, schedule: DeclaredSchedule) -> object:
    """Return the payload of a declared schedule's runs. Raises DefinitionError for one that isn't the job's."""
    no_more: dict[str, object] | None = None if job.schema.is_none else {}
    payload = no_more if schedule.payload is ... else schedule.payload
    try:
        job.schema.validate(payload)
    except InvalidValue as error:
        why = (
            "has no payload, and the job's has no defaults for all that is in it: give it payload=..."
            if schedule.payload is ...
            else "has a payload that isn't the job's"
        )
        raise DefinitionError(
            f"Schedule {schedule.id!r} of job {job.id!r} at {job.defined_at} {why} ({error})."
        ) from None
    return payload


def _refused(job: str, place: str, given: object) -> DefinitionError:
    return DefinitionError(
        f'Job {job!r} at {place} has schedule={given!r}; accepted: every("10m"), cron("0 9 * * *", '
        'tz="Europe/Stockholm"), or a list of them.'
    )


def _checked(schedule: DeclaredSchedule) -> DeclaredSchedule:
    schedule.recurrence()
    if schedule.id != "":
        check_schedule_id(schedule.id)
    return schedule


def _environments(only: str | Sequence[str]) -> tuple[str, ...]:
    names = (only,) if isinstance(only, str) else tuple(only)
    unknown = [name for name in names if name not in _ENVIRONMENTS]
    if unknown:
        raise InvalidInputError(f"only is {only!r}; accepted: {', '.join(_ENVIRONMENTS)}, or a list of them.")
    return names
