"""The options of jobs, queues and calls, and the one place where they are merged."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Final, Literal, Required, TypeAlias, TypedDict, cast

from midday_worker.durations import Duration, to_milliseconds
from midday_worker.errors import OptionError

MAX_PRIORITY: Final = 2**21
"""The last priority, as BullMQ's `PRIORITY_LIMIT`; 1 is the first, 0 is none."""


class Backoff(TypedDict, total=False):
    """How long to wait between attempts.

    `delay` before the second attempt; "exponential" doubles it each time. `jitter` from 0 (none) to 1 (anything
    between nothing and the whole delay) spreads it, as BullMQ's `jitter`.
    """

    type: Required[Literal["fixed", "exponential"]]
    delay: Required[Duration]
    jitter: float


class Keep(TypedDict, total=False):
    """How many finished jobs to keep, and for how long. Trimming looks at the whole queue, not at one job's name."""

    count: int
    age: Duration


class Deduplication(TypedDict, total=False):
    """Only one job with this id at a time, as BullMQ's `deduplication`.

    Without `ttl` the id is taken until the job ends. `extend` restarts `ttl` with each duplicate; `replace` puts the
    newest payload into a job that is still delayed (debounce).
    """

    id: Required[str]
    ttl: Duration
    extend: bool
    replace: bool


class UndelayedOptions(TypedDict, total=False):
    """The options of a job but `delay`; see `JobOptions`."""

    priority: int
    lifo: bool
    attempts: int
    backoff: Duration | Backoff
    timeout: Duration | None
    remove_on_complete: bool | int | Keep
    remove_on_fail: bool | int | Keep
    deduplication: Deduplication
    keep_logs: int
    stack_trace_limit: int


class JobOptions(UndelayedOptions, total=False):
    """What can be set for a queue, for a job, and for a single call; the later wins.

    Attributes:
        delay: how long to wait before the first attempt.
        priority: 1 (first) to 2,097,152; 0, the default, is none, and goes before all that have one.
        lifo: put the job in front of those that wait.
        attempts: how often to try, the first time counted.
        backoff: the wait between attempts; a plain duration is a fixed one.
        timeout: the longest that one attempt may take; None for no limit.
        remove_on_complete: True removes the job at once, False keeps it for ever, an int keeps that many, `Keep` by
            count and age. BullMQ trims per queue: a small count here also trims the queue's other jobs.
        remove_on_fail: the same for failed jobs.
        deduplication: see `Deduplication`.
        keep_logs: how many lines of the job's log to keep; 0 keeps all.
        stack_trace_limit: how many attempts' stack traces to keep.
    """

    delay: Duration


class CallOptions(JobOptions, total=False):
    """The options of one call: a job's, and the id that the job shall have.

    Adding a job under an id that exists adds nothing, as BullMQ's `jobId`. An id has no ":" and isn't an integer.
    """

    job_id: str


class DelayedCallOptions(UndelayedOptions, total=False):
    """The options of a call that has the delay as an argument; see `CallOptions`."""

    job_id: str


@dataclass(frozen=True, slots=True)
class BackoffPolicy:
    """A checked `Backoff`; `delay_ms` in milliseconds, `jitter` from 0 to 1."""

    type: Literal["fixed", "exponential"]
    delay_ms: int
    jitter: float = 0.0


@dataclass(frozen=True, slots=True)
class KeepPolicy:
    """A checked retention. Both None: keep for ever; `count=0`: remove at once."""

    count: int | None = None
    age_ms: int | None = None


@dataclass(frozen=True, slots=True)
class DeduplicationPolicy:
    """A checked `Deduplication`."""

    id: str
    ttl_ms: int | None = None
    extend: bool = False
    replace: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedOptions:
    """All options of one job, merged and in whole milliseconds. The defaults are the library's."""

    delay: int = 0
    priority: int = 0
    lifo: bool = False
    attempts: int = 3
    backoff: BackoffPolicy | None = BackoffPolicy("exponential", 2_000, 0.5)
    timeout: int | None = None
    remove_on_complete: KeepPolicy = KeepPolicy(count=10_000, age_ms=24 * 3_600_000)
    remove_on_fail: KeepPolicy = KeepPolicy(count=10_000, age_ms=7 * 24 * 3_600_000)
    deduplication: DeduplicationPolicy | None = None
    keep_logs: int = 0
    stack_trace_limit: int = 10
    job_id: str | None = None


CheckedOptions: TypeAlias = Mapping[str, object]
"""One layer of options after `check_options`: values of `ResolvedOptions`, only those that were set."""


def check_options(options: Mapping[str, object], *, call: bool = False) -> CheckedOptions:
    """Check one layer of options and bring its values to their final form.

    Args:
        options: a `JobOptions`, or with `call` a `CallOptions`.
        call: whether `job_id` is allowed.

    Raises:
        OptionError: an option is unknown, of the wrong type, or out of range; the message says which are known.
    """
    checked: dict[str, object] = {}
    for name, value in options.items():
        parse = _PARSERS.get(name)
        if parse is None or (name == "job_id" and not call):
            raise _unknown(name, call=call)
        checked[name] = parse(name, value)
    return checked


def merge(*layers: CheckedOptions) -> ResolvedOptions:
    """Merge checked layers, the later winning: library < queue < job < call.

    >>> merge(check_options({"attempts": 5}), check_options({"delay": "5s"})).delay
    5000
    """
    merged: dict[str, object] = {}
    for layer in layers:
        merged.update(layer)
    # check_options gave each value the type of its field.
    return ResolvedOptions(**merged)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def _unknown(name: str, *, call: bool) -> OptionError:
    known = [field.name for field in fields(ResolvedOptions) if call or field.name != "job_id"]
    near = difflib.get_close_matches(name, known, n=1)
    if name == "job_id":
        hint = " job_id belongs to a single call, not to a job or a queue."
    else:
        hint = f" Did you mean {near[0]!r}?" if near else ""
    return OptionError(name, f"Unknown option {name!r}.{hint} Known options: {', '.join(known)}.")


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
    if not isinstance(value, Mapping):
        return BackoffPolicy("fixed", _duration(name, value))
    members = _members(name, cast("object", value), {"type", "delay"}, {"jitter"})
    kind, jitter = members["type"], members.get("jitter", 0.0)
    if kind not in ("fixed", "exponential"):
        raise _refuse(f"{name}.type", kind, '"fixed" or "exponential"')
    strategy: Literal["fixed", "exponential"] = "fixed" if kind == "fixed" else "exponential"
    if isinstance(jitter, bool) or not isinstance(jitter, int | float) or not 0 <= jitter <= 1:
        raise _refuse(f"{name}.jitter", jitter, "a number from 0 to 1")
    return BackoffPolicy(strategy, _duration(f"{name}.delay", members["delay"]), float(jitter))


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


def _deduplication(name: str, value: object) -> DeduplicationPolicy:
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


def _job_id(name: str, value: object) -> str:
    accepted = 'a non-empty text without ":" that is not an integer (BullMQ keeps those for itself)'
    if not isinstance(value, str) or not value or ":" in value or re.fullmatch(r"-?\d+", value):
        raise _refuse(name, value, accepted)
    if not value.isprintable():
        raise _refuse(name, value, "printable characters")
    return value


_PARSERS: Final[Mapping[str, Callable[[str, object], object]]] = {
    "delay": _duration,
    "priority": lambda name, value: _integer(name, value, 0, MAX_PRIORITY),
    "lifo": _flag,
    "attempts": lambda name, value: _integer(name, value, 1),
    "backoff": _backoff,
    "timeout": lambda name, value: None if value is None else _positive(name, value),
    "remove_on_complete": _keep,
    "remove_on_fail": _keep,
    "deduplication": _deduplication,
    "keep_logs": lambda name, value: _integer(name, value, 0),
    "stack_trace_limit": lambda name, value: _integer(name, value, 0),
    "job_id": _job_id,
}


def _positive(name: str, value: object) -> int:
    milliseconds = _duration(name, value)
    if milliseconds == 0:
        raise _refuse(name, value, "a duration longer than zero, or None for no limit")
    return milliseconds
