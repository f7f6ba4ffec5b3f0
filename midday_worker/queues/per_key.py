"""`PerKey`: a limit for each tenant, account or provider that the payloads of a queue's jobs name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from midday_worker.errors import DefinitionError, FieldProblem, OptionError, PayloadError
from midday_worker.queues.rate_limit import RateLimit

_BARRED: Final = ("=", ":")


@dataclass(frozen=True, slots=True)
class PerKey:
    """A limit for the jobs of a queue that have the same value at one place of their payloads, over all workers.

    Args:
        path: where the value is in the payload's JSON, names as they travel: "teamId", or "account.id" in an object.
        concurrency: how many of a value's jobs run at once.
        rate: how many of them start in a time; either this or `concurrency`.
        required: refuse payloads that have no value there; else these have no limit.

    >>> PerKey("teamId", concurrency=2)
    PerKey(path='teamId', concurrency=2, rate=None, required=False)
    """

    path: str
    concurrency: int | None = None
    rate: RateLimit | None = None
    required: bool = False

    def __post_init__(self) -> None:
        path = self.path
        is_text = isinstance(path, str)  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
        if not is_text or not path.isprintable() or not all(path.split(".")):
            raise OptionError("limits", f'PerKey.path is {path!r}; accepted: a name, or several with dots: "team.id".')
        if barred := [sign for sign in _BARRED if sign in path]:
            raise OptionError("limits", f"PerKey.path is {path!r}; accepted: names without {barred[0]!r}.")
        if (self.concurrency is None) == (self.rate is None):
            raise OptionError("limits", f"PerKey({path!r}) needs either concurrency or rate, and not both.")
        check_concurrency(self.concurrency)
        rate = self.rate
        if rate is not None and not isinstance(rate, RateLimit):  # pyright: ignore[reportUnnecessaryIsInstance] - as above
            raise OptionError("limits", f'PerKey.rate is {rate!r}; accepted: a RateLimit, as RateLimit(60, "1m").')

    @property
    def wire(self) -> dict[str, str | int]:
        """The limit as the scripts in Redis read it."""
        if self.rate is not None:
            return {"path": self.path, "max": self.rate.max, "per": self.rate.per_ms}
        return {"path": self.path, "concurrency": cast("int", self.concurrency)}


def check_concurrency(value: object) -> None:
    """Raise OptionError unless a key's concurrency is None or a whole number from 1."""
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise OptionError("limits", f"PerKey.concurrency is {value!r}; accepted: an integer of 1 or more.")


def check_limits(limits: object, where: str) -> tuple[PerKey, ...]:
    """Return a queue's limits. Raises DefinitionError for what is none, and for two of one path that contradict."""
    if not isinstance(limits, Sequence) or isinstance(limits, str):
        raise DefinitionError(f"{where} has limits={limits!r}; accepted: a list of PerKey.")
    found: dict[tuple[str, bool], PerKey] = {}
    for limit in cast("Sequence[object]", limits):
        if not isinstance(limit, PerKey):
            raise DefinitionError(f"{where} has {limit!r} among its limits; accepted: PerKey.")
        kind = (limit.path, limit.rate is None)
        if kind in found:
            what = "concurrency" if limit.rate is None else "rate"
            raise DefinitionError(f"{where} has two limits of the {what} for {limit.path!r}: keep one of them.")
        found[kind] = limit
    return tuple(found.values())


def key_text(value: object) -> str | None:
    """Return a value of a payload as the key that it is limited by; None for null, "", objects and lists.

    The scripts in Redis do the same, so that programs of both languages mean the same key.

    >>> key_text(12), key_text("12"), key_text(True), key_text(None)
    ('12', '12', 'true', None)
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        try:
            return format(float(value), ".17g")
        except OverflowError:  # of 1 and 400 digits, which is beyond a double, as JavaScript's and Lua's numbers are
            return "-inf" if value < 0 else "inf"
    return value if isinstance(value, str) and value else None


def key_in(payload: object, path: str) -> str | None:
    """Return the key at a path of a payload's JSON values; None if it has none.

    >>> key_in({"team": {"id": 7}}, "team.id")
    '7'
    """
    for name in path.split("."):
        if not isinstance(payload, dict):
            return None
        payload = cast("dict[str, object]", payload).get(name)
    return key_text(payload)


def missing_keys(text: str, limits: Sequence[PerKey]) -> list[str]:
    """Return the paths that are required and at which a payload, a JSON text, has no key."""
    required = [limit.path for limit in limits if limit.required]
    if not required:
        return []
    try:
        payload: object = json.loads(text)
    except (ValueError, RecursionError):  # its own error is to come
        return []
    return [path for path in required if key_in(payload, path) is None]


def refuse_missing(job: str, text: str, limits: Sequence[PerKey]) -> None:
    """Raise PayloadError if a payload has no key where one is required."""
    if missing := missing_keys(text, limits):
        problem = "the queue's limit per key needs a text, a number or a boolean here"
        raise PayloadError(job, [FieldProblem(path, problem) for path in missing])
