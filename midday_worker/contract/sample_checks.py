"""`passes`: whether a value, as samples are, fulfils what is checked beside a schema."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Final, cast

from pydantic import JsonValue

from midday_worker.contract.json_schema import CHECKS, Node

_BOUNDS: Final[dict[str, Callable[[Decimal, Decimal], bool]]] = {
    "ge": lambda value, bound: value >= bound,
    "gt": lambda value, bound: value > bound,
    "le": lambda value, bound: value <= bound,
    "lt": lambda value, bound: value < bound,
    "multiple_of": lambda value, step: value % step == 0,
}
_TEXTS: Final[dict[tuple[str, str], Callable[[str], bool]]] = {
    ("tz_constraint", "aware"): lambda value: value.endswith("Z"),
    ("tz_constraint", "naive"): lambda value: not value.endswith("Z"),
    ("now_op", "past"): lambda value: value.startswith("1970"),
    ("now_op", "future"): lambda value: value.startswith("2999"),
}
_HARMLESS: Final = ("strip_whitespace", "to_lower", "to_upper", "microseconds_precision", "host_required", "version")


def passes(node: Node, value: JsonValue) -> bool:
    """Return whether a value fulfils a part's checks; False if that isn't known."""
    return all(_fulfils(name, asked, value) for name, asked in cast("Node", node.get(CHECKS) or {}).items())


def _fulfils(name: str, asked: JsonValue, value: JsonValue) -> bool:
    if name in _HARMLESS:
        return True
    if name == "allowed_schemes":
        return "https" in cast("list[JsonValue]", asked)
    if isinstance(value, str) and isinstance(asked, str) and (name, asked) in _TEXTS:
        return _TEXTS[name, asked](value)
    number, limit = _number(value), _number(asked)
    if number is None or limit is None:
        return False
    if name in _BOUNDS:
        return _BOUNDS[name](number, limit)
    _, digits, exponent = number.as_tuple()
    places = max(0, -cast("int", exponent))
    return (len(digits) if name == "max_digits" else places) <= limit


def _number(value: JsonValue) -> Decimal | None:
    try:
        return None if isinstance(value, bool) or not isinstance(value, int | float | str) else Decimal(str(value))
    except InvalidOperation:
        return None
