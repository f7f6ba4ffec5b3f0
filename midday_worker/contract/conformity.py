"""`conforms`: whether a value is what a schema says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final, cast

from pydantic import JsonValue

from midday_worker.contract.json_schema import ALIASES, CHECKS, UNKNOWN, VALIDATORS, Node
from midday_worker.contract.schema_document import SchemaDocument, text

_NUMBERS: Final[dict[str, Callable[[float, float], bool]]] = {
    "minimum": lambda value, limit: value >= limit,
    "maximum": lambda value, limit: value <= limit,
    "exclusiveMinimum": lambda value, limit: value > limit,
    "exclusiveMaximum": lambda value, limit: value < limit,
    "multipleOf": lambda value, step: value % step == 0,
}
_LENGTHS: Final = {"string": "Length", "array": "Items", "object": "Properties"}


def conforms(value: JsonValue, node: JsonValue, document: SchemaDocument) -> bool | None:
    """Return whether a value is what a part of a schema says; None if that can't be told from the schema."""
    return _all(_alternative(value, each, document) for each in [document.resolve(node)])


def type_of(value: JsonValue) -> str:
    """Return the name that JSON Schema has for a value's type."""
    if value is None:
        return "null"
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names[type(value)]


def _all(verdicts: Iterable[bool | None]) -> bool | None:
    found = list(verdicts)
    if False in found:
        return False
    return None if None in found else True


def _any(verdicts: Iterable[bool | None]) -> bool | None:
    found = list(verdicts)
    if True in found:
        return True
    return None if None in found else False


def _alternative(value: JsonValue, node: Node, document: SchemaDocument) -> bool | None:
    alternatives = document.alternatives(cast("JsonValue", node))
    if len(alternatives) != 1 or "anyOf" in node or "oneOf" in node:
        return _any(_alternative(value, each, document) for each in alternatives)
    (only,) = alternatives
    kind = type_of(value)
    verdicts = [
        _typed(value, kind, only),
        _listed(value, only),
        _sized(value, kind, only),
        *(conforms(value, part, document) for part in cast("list[JsonValue]", only.get("allOf") or [])),
        None if any(key in only for key in (CHECKS, VALIDATORS, UNKNOWN, "not", "if")) else True,
    ]
    if isinstance(value, str):
        verdicts.append(_text(value, only))
    if isinstance(value, list):
        verdicts.append(_items(value, only, document))
    if isinstance(value, dict):
        verdicts.append(_properties(value, only, document))
    return _all(verdicts)


def _typed(value: JsonValue, kind: str, node: Node) -> bool:
    wanted = node.get("type", kind)
    whole = kind == "number" and cast("float", value).is_integer()
    return wanted == kind or (wanted == "number" and kind == "integer") or (wanted == "integer" and whole)


def _listed(value: JsonValue, node: Node) -> bool:
    values = cast("list[JsonValue]", node.get("enum", [node.get("const", value)]))
    return any(same(value, each) for each in values)


def same(one: JsonValue, other: JsonValue) -> bool:
    """Return whether two values are the same in JSON, where true is no 1."""
    return text(one) == text(other)


def _sized(value: JsonValue, kind: str, node: Node) -> bool:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return all(holds(value, cast("float", node[key])) for key, holds in _NUMBERS.items() if key in node)
    if isinstance(value, str | list | dict):
        least, most = (cast("float", node.get(f"{end}{_LENGTHS[kind]}", len(value))) for end in ("min", "max"))
        return least <= len(value) <= most
    return True


def _text(value: str, node: Node) -> bool | None:
    pattern = node.get("pattern")
    if pattern is not None:
        try:
            if re.search(cast("str", pattern), value) is None:
                return False
        except re.error:
            return None
    return None if "format" in node else True


def _items(value: list[JsonValue], node: Node, document: SchemaDocument) -> bool | None:
    if node.get("uniqueItems") and len({text(item) for item in value}) < len(value):
        return None  # read as a set, by pydantic
    first = cast("list[JsonValue]", node.get("prefixItems") or [])
    rest = node.get("items", True)
    return _all(conforms(item, first[at] if at < len(first) else rest, document) for at, item in enumerate(value))


def _properties(value: dict[str, JsonValue], node: Node, document: SchemaDocument) -> bool | None:
    known = cast("Node", node.get("properties") or {})
    others = {name: cast("list[str]", document.resolve(part).get(ALIASES) or []) for name, part in known.items()}
    required = cast("list[str]", node.get("required") or [])
    verdicts: list[bool | None] = [
        name in value or any(map(value.__contains__, others.get(name, ()))) for name in required
    ]
    known = {**{other: known[name] for name in others for other in others[name]}, **known}
    patterns = cast("Node", node.get("patternProperties") or {})
    for name, part in value.items():
        if name in known:
            verdicts.append(conforms(part, known[name], document))
            continue
        matching = [schema for pattern, schema in patterns.items() if re.search(pattern, name)]
        verdicts += [conforms(part, schema, document) for schema in matching]
        if not matching:
            verdicts.append(conforms(part, node.get("additionalProperties", True), document))
    names = node.get("propertyNames", True)
    return _all([*verdicts, *(conforms(name, names, document) for name in value)])
