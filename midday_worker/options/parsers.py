"""How each option's value is checked and brought to its final form."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, Literal, cast

from midday_worker.errors import OptionError
from midday_worker.options.declared import BackoffFunction
from midday_worker.options.job_id import check_new_id
from midday_worker.options.resolved import DEFAULT_BACKOFF, BackoffPolicy, DeduplicationPolicy, KeepPolicy
from midday_worker.settings.durations import Duration, to_milliseconds

MAX_PRIORITY: Final = 2**21 - 1
"""The last priority, as BullMQ's `PRIORITY_LIMIT` in Node; 1 is the first, 0 is none. Beyond it the order is lost."""

_JITTERS: Final = {"none": 0.0, "equal": 0.5, "full": 1.0}


def _refuse(name: str, value: object, accepted: str) -> OptionError:
    return OptionError(name, f"Option {name} is {value!r}; accepted: {accepted}.")


def _integer(name: str, value: object, low: int, high: int = 2**31 - 1) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise _refuse(name, value, f"an integer from {low} to {high}")
    return value


def _duration(name: str, value: object) -> int:
    # to_milliseconds refuses whatever isn't a Duration.
    return to_milliseconds(cast("Duration", value), f"option {name}")


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _refuse(name, value, "True or False")
    return value


def _members(name: str, value: object, required: set[str], optional: set[str]) -> dict[str, object]:
    known = required | optional
    if not isinstance(value, Mapping):
        raise _refuse(name, value, f"a dictionary with {', '.join(sorted(known))}")
    members = {str(key): member for key, member in cast("Mapping[object, object]", value).items()}
    wrong = sorted(members.keys() - known) or sorted(required - members.keys())
    if wrong:
        what = "lacks" if wrong[0] in required else "has the unknown key"
        raise OptionError(name, f"Option {name} {what} {wrong[0]!r}; known keys: {', '.join(sorted(known))}.")
    return members


def _backoff(name: str, value: object) -> BackoffPolicy:
    if value is None:
        return BackoffPolicy("fixed", 0)
    if callable(value):
        return _backoff_function(name, value)
    if not isinstance(value, Mapping):
        return BackoffPolicy("fixed", _duration(name, value))
    members = _members(name, cast("object", value), {"type", "delay"}, {"jitter", "max_delay"})
    kind = members["type"]
    if kind not in ("fixed", "exponential"):
        raise _refuse(f"{name}.type", kind, '"fixed" or "exponential"')
    strategy: Literal["fixed", "exponential"] = "fixed" if kind == "fixed" else "exponential"
    return BackoffPolicy(
        strategy,
        _duration(f"{name}.delay", members["delay"]),
        _jitter(f"{name}.jitter", members.get("jitter", 0.0)),
        _duration(f"{name}.max_delay", members["max_delay"]) if "max_delay" in members else None,
    )


def _backoff_function(name: str, value: Callable[..., object]) -> BackoffPolicy:
    if inspect.iscoroutinefunction(value) or inspect.isclass(value):
        raise _refuse(name, value, "a plain function of the attempt and its error, which returns a duration or None")
    return replace(DEFAULT_BACKOFF, function=cast("BackoffFunction", value))


def _jitter(name: str, value: object) -> float:
    named = _JITTERS.get(value) if isinstance(value, str) else value
    if isinstance(named, bool) or not isinstance(named, int | float) or not 0 <= named <= 1:
        raise _refuse(name, value, 'a number from 0 to 1, "none", "equal" or "full"')
    return float(named)


def _error_classes(name: str, value: object) -> tuple[type[Exception], ...]:
    several = isinstance(value, list | tuple | set | frozenset)
    classes = tuple(cast("Iterable[object]", value)) if several else (value,)
    for item in classes:
        if not (inspect.isclass(item) and issubclass(item, Exception)):
            raise _refuse(name, item, "a class of exceptions, or several in a tuple")
    return cast("tuple[type[Exception], ...]", classes)


def _keep(name: str, value: object) -> KeepPolicy:
    if isinstance(value, bool):
        return KeepPolicy(count=0) if value else KeepPolicy()
    if isinstance(value, int):
        return KeepPolicy(count=_integer(name, value, 0))
    members = _members(name, value, set(), {"count", "age"})
    return KeepPolicy(
        count=_integer(f"{name}.count", members["count"], 0) if "count" in members else None,
        age_ms=_duration(f"{name}.age", members["age"]) if "age" in members else None,
    )


def _deduplication(name: str, value: object) -> DeduplicationPolicy | None:
    if value is None:
        return None
    members = _members(name, value, {"id"}, {"ttl", "extend", "replace"})
    identifier = members["id"]
    if not isinstance(identifier, str) or not identifier:
        raise _refuse(f"{name}.id", identifier, "a non-empty text")
    return DeduplicationPolicy(
        identifier,
        _duration(f"{name}.ttl", members["ttl"]) if "ttl" in members else None,
        _flag(f"{name}.extend", members.get("extend", False)),
        _flag(f"{name}.replace", members.get("replace", False)),
    )


def _key(name: str, value: object) -> str:
    if not isinstance(value, str) or not value or not value.isprintable():
        raise _refuse(name, value, "a non-empty text of printable characters")
    return value


def _key_and_duration(name: str, value: object) -> tuple[str, int]:
    accepted = f'a key and a duration in a tuple, as {name}=("user_1", "5s")'
    if not isinstance(value, tuple):
        raise _refuse(name, value, accepted)
    pair = cast("tuple[object, ...]", value)
    if len(pair) != 2:
        raise _refuse(name, pair, accepted)
    return _key(f"{name}.key", pair[0]), _length(f"{name}.duration", pair[1])


def _length(name: str, value: object) -> int:
    milliseconds = _duration(name, value)
    if milliseconds == 0:
        raise _refuse(name, value, "a duration longer than zero")
    return milliseconds


def _job_id(name: str, value: object) -> str:
    return check_new_id(value)


def _positive(name: str, value: object) -> int:
    milliseconds = _duration(name, value)
    if milliseconds == 0:
        raise _refuse(name, value, "a duration longer than zero, or None for no limit")
    return milliseconds


def _deadline(name: str, value: object) -> int | datetime | None:
    if isinstance(value, datetime):
        return value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    return None if value is None else _positive(name, value)


PARSERS: Final[Mapping[str, Callable[[str, object], object]]] = {
    "delay": _duration,
    "priority": lambda name, value: _integer(name, value, 0, MAX_PRIORITY),
    "lifo": _flag,
    "attempts": lambda name, value: _integer(name, value, 1),
    "backoff": _backoff,
    "retry_on": lambda name, value: None if value is None else _error_classes(name, value),
    "fail_on": lambda name, value: () if value is None else _error_classes(name, value),
    "timeout": lambda name, value: None if value is None else _positive(name, value),
    "retry_on_timeout": _flag,
    "deadline": _deadline,
    "remove_on_complete": _keep,
    "remove_on_fail": _keep,
    "deduplication": _deduplication,
    "keep_logs": lambda name, value: _integer(name, value, 0),
    "stack_trace_limit": lambda name, value: _integer(name, value, 0),
    "omit_trace_context": _flag,
    "job_id": _job_id,
    "idempotency_key": _key,
    "idempotency_ttl": _length,
    "debounce": _key_and_duration,
    "throttle": _key_and_duration,
}
