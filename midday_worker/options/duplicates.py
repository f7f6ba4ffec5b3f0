"""The options that name a call's duplicates by a key: each is a deduplication of BullMQ's."""

from __future__ import annotations

from typing import Final, cast

from midday_worker.errors import OptionError
from midday_worker.options.resolved import DeduplicationPolicy

_DAY_MS: Final = 24 * 3_600_000
_KEYED: Final = ("idempotency_key", "debounce", "throttle")


def as_deduplication(checked: dict[str, object]) -> dict[str, object]:
    """Put the deduplication that a key asks for into a call's options, in the key's place.

    Raises:
        OptionError: there is another option that it doesn't go with.
    """
    name = next((name for name in _KEYED if name in checked), None)
    if "idempotency_ttl" in checked and name != "idempotency_key":
        raise OptionError("idempotency_ttl", "Option idempotency_ttl goes with idempotency_key only.")
    if name is None:
        return checked
    _refuse_others(name, checked)
    value = checked.pop(name)
    if name == "idempotency_key":
        ttl = cast("int", checked.pop("idempotency_ttl", _DAY_MS))
        checked["deduplication"] = DeduplicationPolicy(cast("str", value), ttl, option=name)
        return checked
    key, duration = cast("tuple[str, int]", value)
    if name == "debounce":
        checked["deduplication"] = DeduplicationPolicy(key, duration, extend=True, replace=True, option=name)
        checked["delay"] = duration
    else:
        checked["deduplication"] = DeduplicationPolicy(key, duration, option="throttle")
    return checked


def _refuse_others(name: str, checked: dict[str, object]) -> None:
    others = (*_KEYED, "deduplication", "job_id", *(("delay",) if name == "debounce" else ()))
    for other in others:
        if other != name and checked.get(other) is not None:
            why = "its duration is the delay" if other == "delay" else "each says by itself what a duplicate is"
            raise OptionError(name, f"Option {name} can't be given together with {other}: {why}.")
