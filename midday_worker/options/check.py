"""Checking one layer of options."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields
from typing import Final, TypeAlias

from midday_worker.errors import DurationError, FlowError, OptionError
from midday_worker.options.duplicates import as_deduplication
from midday_worker.options.parsers import PARSERS
from midday_worker.options.resolved import CheckedOptions, ResolvedOptions
from midday_worker.options.unknown import unknown_option

Located: TypeAlias = OptionError | DurationError | FlowError

_OF_A_CALL: Final = ("job_id", "idempotency_key", "idempotency_ttl", "debounce", "throttle")

_STAY_HERE: Final = ("retry_on", "fail_on")
"""What only a worker with the job's definition knows."""

_OF_SCHEDULES: Final = ("pattern", "every", "tz", "start", "end", "limit", "schedule_id")


def check_options(
    options: Mapping[str, object], *, call: bool = False, where: str = "", others: Collection[str] = ()
) -> CheckedOptions:
    """Check one layer of options and bring its values to their final form.

    Args:
        options: a `JobOptions`, or with `call` a `CallOptions`.
        call: whether `job_id` and the keys of duplicates are allowed, and what can't travel isn't.
        where: whose options they are, for the message: "Job 'a' at jobs.py:8".
        others: what is an option there too, but not one of a job, for the message.

    Raises:
        OptionError: an option is unknown, of the wrong type, or out of range; the message says which are known.
        DurationError: one isn't the duration that it should be.
    """
    try:
        return _checked(options, call=call, others=others)
    except (OptionError, DurationError) as error:
        if where:
            raise located(error, where) from error
        raise


def check_schedulable(options: Mapping[str, object]) -> None:
    """Raise OptionError, or DurationError, for a call's option that is wrong, or that BullMQ gives the runs itself."""
    advice = {"job_id": "schedule_id=...", "delay": "start=..."}
    keyed = ("deduplication", "idempotency_key", "idempotency_ttl", "debounce", "throttle")
    advice |= dict.fromkeys(keyed, "the schedule's id")
    advice["deadline"] = "the job's own deadline, which counts from when a run is due,"
    for option, instead in advice.items():
        if option in options:
            raise OptionError(option, f"Option {option} can't be given to a schedule's runs; use {instead} instead.")
    check_options(options, call=True, others=_OF_SCHEDULES)


def located(error: Located, where: str) -> Located:
    """Return an error that says, too, where it is."""
    text = f"{where}: {error}"
    return OptionError(error.option, text) if isinstance(error, OptionError) else type(error)(text)


def _checked(options: Mapping[str, object], *, call: bool, others: Collection[str]) -> CheckedOptions:
    checked: dict[str, object] = {}
    for name, value in options.items():
        parse = PARSERS.get(name)
        if parse is None or (name in _OF_A_CALL and not call):
            own = {field.name for field in fields(ResolvedOptions)}.difference(_OF_A_CALL)
            raise unknown_option(name, (*own, *(_OF_A_CALL if call else ()), *others))
        if call and (name in _STAY_HERE or (name == "backoff" and callable(value))):
            what = "A function as backoff" if name == "backoff" else f"Option {name}"
            raise OptionError(
                name, f"{what} belongs to a job or a queue, not to a call: it can't travel through Redis."
            )
        checked[name] = parse(name, value)
    return as_deduplication(checked) if checked and call else checked
