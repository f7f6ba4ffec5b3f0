"""What of a value's bounds, form and our own checks one schema allows, and another one refuses."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Final, cast

from pydantic import JsonValue

from midday_worker.contract.json_schema import CHECKS, VALIDATORS, Node
from midday_worker.contract.refusal import Refusal, refusal
from midday_worker.contract.schema_document import text

_LENGTHS: Final = ("Length", "Items", "Properties")
_WIDENED_BY_LESS: Final = ("ge", "gt")
_WIDENED_BY_MORE: Final = ("le", "lt", "max_digits", "decimal_places")


def range_refusals(writer: Node, reader: Node) -> Iterator[Refusal]:
    """Yield what is refused of a value of one type by its bounds, its form, and what is checked beside the schema."""
    for least, most in (("minimum", "maximum"), *((f"min{each}", f"max{each}") for each in _LENGTHS)):
        yield from _bounds(writer, reader, least, most)
    yield from _multiples(writer, reader)
    yield from _form(writer, reader)
    yield from _checks(writer, reader)
    if reader.get("uniqueItems") and not writer.get("uniqueItems") and cast("int", reader.get("minItems", 0)) > 1:
        yield refusal("range", "items that may be equal", "items that differ")
    if writer.get("uniqueItems") and not reader.get("uniqueItems") and "maxItems" in reader:
        yield refusal("unproved", "items of which equal ones are one", f"at most {text(reader['maxItems'])} items")


def _bounds(writer: Node, reader: Node, least: str, most: str) -> Iterator[Refusal]:
    low, high = _low(_with_count(writer), least), _high(_with_count(writer), most)
    wanted_low, wanted_high = _low(reader, least), _high(reader, most)
    if low < wanted_low:
        yield refusal("range", _said("at least", low), _said("at least", wanted_low))
    if high > wanted_high:
        yield refusal("range", _said("at most", high), _said("at most", wanted_high))


def _with_count(writer: Node) -> Node:
    """Return a writer's schema with how many properties it writes, where that follows from their names."""
    properties = cast("Node", writer.get("properties") or {})
    if not properties:
        return writer
    least = max(_number(writer, "minProperties", 0), len(cast("list[str]", writer.get("required") or [])))
    closed = writer.get("additionalProperties", False) is False
    most = min(_number(writer, "maxProperties", math.inf), len(properties) if closed else math.inf)
    return {**writer, "minProperties": least, "maxProperties": most}


def _low(node: Node, key: str) -> tuple[float, bool]:
    """Return the least value, and whether it is none of the values itself."""
    inclusive = _number(node, key, -math.inf if key == "minimum" else 0)
    exclusive = _number(node, _exclusive(key), -math.inf)
    found = max((inclusive, False), (exclusive, True))
    if node.get("type") == "integer" and math.isfinite(found[0]):
        return (math.floor(found[0]) + 1 if found[1] else math.ceil(found[0])), False
    return found


def _high(node: Node, key: str) -> tuple[float, bool]:
    inclusive, exclusive = _number(node, key, math.inf), _number(node, _exclusive(key), math.inf)
    found = (exclusive, False) if exclusive <= inclusive else (inclusive, True)  # False is less: nearer
    if node.get("type") == "integer" and math.isfinite(found[0]):
        return (math.floor(found[0]) if found[1] else math.ceil(found[0]) - 1), True
    return found


def _exclusive(key: str) -> str:
    return f"exclusive{key[0].upper()}{key[1:]}"


def _number(node: Node, key: str, otherwise: float) -> float:
    found = node.get(key)
    return found if isinstance(found, int | float) else otherwise


def _said(which: str, bound: tuple[float, bool]) -> str:
    if math.isinf(bound[0]):
        return "no limit"
    exclusive = bound[1] if which == "at least" else not bound[1]
    return f"{'more than' if which == 'at least' else 'less than'} {bound[0]}" if exclusive else f"{which} {bound[0]}"


def _multiples(writer: Node, reader: Node) -> Iterator[Refusal]:
    wanted = reader.get("multipleOf")
    if not isinstance(wanted, int | float):
        return
    steps = writer.get("multipleOf", 1 if writer.get("type") == "integer" else None)
    among = isinstance(steps, int) and (Fraction(steps) / Fraction(wanted)).denominator == 1
    if steps != wanted and not among:
        yield refusal("range", "any" if steps is None else f"multiples of {steps}", f"multiples of {wanted}")


def _form(writer: Node, reader: Node) -> Iterator[Refusal]:
    pattern = reader.get("pattern")
    if pattern is not None and pattern != writer.get("pattern"):
        yield refusal("pattern", str(writer.get("pattern", "any text")), str(pattern))
    written, read = (str(node.get("format", "")) for node in (writer, reader))
    if written == read or writer.get("type") not in ("string", None):
        return
    if read:
        yield refusal("format", written or "any text", read)
    elif written not in ("uri", "email", "password", "uuid", "base64url", "binary"):
        yield refusal("unproved", f"{written}, which is read from a number too", "text alone")


def _checks(writer: Node, reader: Node) -> Iterator[Refusal]:
    held = cast("Node", writer.get(CHECKS) or {})
    for name, asked in cast("Node", reader.get(CHECKS) or {}).items():
        if not _implied(name, held.get(name), asked):
            yield refusal("range", f"{name} {text(held[name])}" if name in held else "any", f"{name} {text(asked)}")
    own = cast("list[JsonValue]", writer.get(VALIDATORS) or [])
    for validator in cast("list[JsonValue]", reader.get(VALIDATORS) or []):
        if validator not in own:
            yield refusal("unproved", "any", f"what the validator {validator} lets pass")


def _implied(name: str, held: JsonValue, asked: JsonValue) -> bool:
    if held == asked:
        return True
    if isinstance(held, int | float) and isinstance(asked, int | float):
        return (name in _WIDENED_BY_LESS and held >= asked) or (name in _WIDENED_BY_MORE and held <= asked)
    return False
