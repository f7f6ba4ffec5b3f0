"""`samples`: values that a schema allows, the ordinary one first, then those at its edges."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, cast

from pydantic import JsonValue

from midday_worker.contract.conformity import conforms
from midday_worker.contract.json_schema import ALIASES, VALIDATORS, Node
from midday_worker.contract.sample_checks import passes
from midday_worker.contract.schema_document import SchemaDocument, text

_DEEPEST: Final = 4
_LONGEST: Final = 64
_PER_PART: Final = 12

_FORMATS: Final[dict[str, tuple[str, ...]]] = {
    "date-time": ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05", "1970-01-01T00:00:00Z", "2999-01-01T00:00:00Z"),
    "date": ("2026-01-02", "1970-01-01", "2999-01-01"),
    "time": ("03:04:05",),
    "duration": ("P1DT2H", "PT0S"),
    "uuid": ("12345678-1234-4234-8234-123456789abc",),
    "email": ("somebody@example.com",),
    "uri": ("https://example.com/",),
    "ipv4": ("192.0.2.1",),
    "ipv6": ("2001:db8::1",),
    "ipvanyaddress": ("192.0.2.1",),
    "decimal": ("1.5", "0"),
    "base64url": ("AA==", ""),
    "json-string": ("{}",),
}
_TEXTS: Final = (
    "a",
    "A",
    "0",
    "a1",
    "x-a",
    "abc-def",
    "1.5",
    "ABC",
    "a@b.co",
    "2026-01-02",
    "2026-01-02T03:04:05Z",
    "2026-01-02T03:04:05",
    "#a1b2c3",
    "+12025550100",
    "",
)


def samples(document: SchemaDocument, most: int = 2_000) -> Iterator[JsonValue]:
    """Yield up to so many values that a schema allows; fewer, or none, of what can't be made up."""
    yield from islice(_Samples(document).of(cast("JsonValue", document.root), 0), most)


@dataclass(frozen=True, slots=True)
class _Samples:
    document: SchemaDocument
    made: dict[tuple[str, int], list[JsonValue]] = field(default_factory=dict)

    def of(self, node: JsonValue, depth: int) -> list[JsonValue]:
        """Return values of a part, the ordinary one first."""
        known = self.made.get((text(node), depth))
        if known is not None:
            return known
        found: list[JsonValue] = []
        self.made[text(node), depth] = found
        kinds = [iter(self.one(each, depth)) for each in self.document.alternatives(node)]
        while kinds:  # in turns, so that each alternative has its ordinary one
            kinds = [kind for kind in kinds if _take(kind, found)]
        return found

    def one(self, node: Node, depth: int) -> list[JsonValue]:
        given = [
            *cast("list[JsonValue]", node.get("examples") or []),
            *([node["default"]] if "default" in node else []),
        ]
        for key in ("const", "enum"):
            if key in node:
                return cast("list[JsonValue]", node[key]) if key == "enum" else [node[key]]
        whole = cast("JsonValue", node)
        usable = [value for value in given if conforms(value, whole, self.document) is not False]
        # What a validator lets pass isn't known but of examples.
        made = [] if VALIDATORS in node else [value for value in self.typed(node, depth) if passes(node, value)]
        made = [*usable, *made]
        return list({text(value): value for value in reversed(made)}.values())[::-1]

    def typed(self, node: Node, depth: int) -> list[JsonValue]:
        kind = node.get("type")
        if kind == "object":
            return self.objects(node, depth)
        if kind == "array":
            return self.arrays(node, depth)
        simple: dict[JsonValue, list[JsonValue]] = {"boolean": [True, False], "null": [None]}
        if kind == "string":
            return _texts(node)
        if kind in ("integer", "number"):
            return _numbers(node)
        return simple.get(kind, ["a", 1, None, True, {}, []] if kind is None else [])

    def arrays(self, node: Node, depth: int) -> list[JsonValue]:
        first = cast("list[JsonValue]", node.get("prefixItems") or [])
        least, most = cast("int", node.get("minItems", 0)), cast("int", node.get("maxItems", _LONGEST))
        rest = self.of(node.get("items", True), depth + 1)[:_PER_PART] if depth < _DEEPEST else []
        given = [self.of(each, depth + 1)[:_PER_PART] for each in first][:most]
        if not all(given):
            return []
        base = [each[0] for each in given]
        found: list[JsonValue] = []
        usual = max(least, min(most, max(1, len(base))))
        for size in dict.fromkeys((usual, least, min(most, max(least, _LONGEST)))):
            more = size - len(base)
            if more <= 0:
                found.append([*base[:size]])
            elif rest and not (node.get("uniqueItems") and more > len(rest)):
                found.append(
                    [*base, *(rest[at % len(rest)] if node.get("uniqueItems") else rest[0] for at in range(more))]
                )
        if found and least <= len(base) + 1 <= most:
            found += [[*base, each] for each in rest]
        for at, values in enumerate(given):
            found += [[*base[:at], value, *base[at + 1 :]] for value in values[1:]]
        return found

    def objects(self, node: Node, depth: int) -> list[JsonValue]:
        required = cast("list[str]", node.get("required") or [])
        named = cast("Node", node.get("properties") or {})
        properties = {**dict.fromkeys(required, node.get("additionalProperties", True)), **named}
        wanted = [name for name in properties if name in required or depth < _DEEPEST]
        values = {name: self.of(properties[name], depth + 1)[:_PER_PART] for name in wanted}
        if any(not values.get(name) for name in required):
            return []
        whole = {name: each[0] for name, each in values.items() if each}
        found: list[JsonValue] = [whole, {name: whole[name] for name in required}]
        found += [{key: value for key, value in whole.items() if key != name} for name in whole if name not in required]
        for name, each in values.items():
            found += [{**whole, name: value} for value in each[1:]]
            for other in cast("list[str]", self.document.resolve(properties[name]).get(ALIASES) or []):
                found.append({other if key == name else key: value for key, value in whole.items()})
        return (
            [*self.entries(node, depth, whole), *found]
            if not properties
            else [*found, *self.entries(node, depth, whole)]
        )

    def entries(self, node: Node, depth: int, whole: dict[str, JsonValue]) -> list[JsonValue]:
        """Return objects with properties that aren't named."""
        rest: JsonValue = node.get("additionalProperties")
        patterns = cast("Node", node.get("patternProperties") or {})
        named = {"type": "string", **self.document.resolve(node.get("propertyNames", True))}
        names = self.of(cast("JsonValue", named), depth + 1)
        if patterns:
            pattern, rest = next(iter(patterns.items()))
            names = [name for name in _TEXTS if re.search(pattern, name)]
        if rest in (None, False) or depth >= _DEEPEST:
            return []
        least = max(1, cast("int", node.get("minProperties", 1)))
        keys = [str(name) for name in names][:least]
        if not patterns and len(keys) < least and "propertyNames" not in node:
            keys = [f"k{at}" for at in range(least)]
        values = self.of(rest, depth + 1)[:_PER_PART]
        return [{**whole, **dict.fromkeys(keys, value)} for value in values]


def _take(kind: Iterator[JsonValue], found: list[JsonValue]) -> bool:
    for value in kind:
        found.append(value)
        return True
    return False


def _texts(node: Node) -> list[JsonValue]:
    least, most = cast("int", node.get("minLength", 0)), cast("int", node.get("maxLength", 2**31))
    if "format" in node:
        return [*_FORMATS.get(cast("str", node["format"]), ())]
    texts = [*_TEXTS, "a" * least, "a" * min(most, max(least, _LONGEST)), "0" * least, "A" * least]
    fitting: list[JsonValue] = [each for each in dict.fromkeys(texts) if least <= len(each) <= most]
    return [each for each in fitting if conforms(each, cast("JsonValue", node), SchemaDocument({})) is not False][
        :_PER_PART
    ]


def _numbers(node: Node) -> list[JsonValue]:
    whole = node.get("type") == "integer"
    edges = [
        cast("float", node[key])
        for key in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
        if key in node
    ]
    step = cast("float", node.get("multipleOf", 1))
    near = [edge + move for edge in edges for move in (0, step, -step, *(() if whole else (0.5, -0.5)))]
    steps = [edge - edge % step + move for edge in edges for move in (0, step)] if step != 1 else []
    made = [1, *near, *steps, step, 0, -1, 1_000_000, -1_000_000, *(() if whole else (0.5, 1.5))]
    return [
        value
        for value in dict.fromkeys(made)
        if conforms(value, cast("JsonValue", node), SchemaDocument({})) is not False
    ]
