"""`SchemaDocument`: a JSON Schema with its definitions, read part by part."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, cast

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from midday_worker.contract.json_schema import CHECKS, UNKNOWN, VALIDATORS, Node

NAMED: Final = "#/$defs/"
"""How references begin."""

IMPOSSIBLE: Final[Node] = {"enum": []}
"""What no value matches."""

_TEXTS: Final = ("title", "description", "examples", "default", "deprecated", "readOnly", "$defs", "$schema")


class _Shape(BaseModel):
    """What must be so of each part of a JSON Schema for it to be one."""

    model_config = ConfigDict(extra="ignore", strict=True)

    ref: str = Field("", alias="$ref")
    type: str | list[str] = []
    enum: list[JsonValue] = []
    required: list[str] = []
    pattern: str = ""
    format: str = ""
    minimum: float | None = None
    maximum: float | None = None
    min_length: int = Field(0, alias="minLength")
    max_length: int = Field(0, alias="maxLength")
    min_items: int = Field(0, alias="minItems")
    max_items: int = Field(0, alias="maxItems")
    properties: dict[str, _Shape | bool] = {}
    pattern_properties: dict[str, _Shape | bool] = Field({}, alias="patternProperties")
    additional_properties: _Shape | bool = Field(True, alias="additionalProperties")
    property_names: _Shape | bool = Field(True, alias="propertyNames")
    items: _Shape | bool = True
    prefix_items: list[_Shape | bool] = Field([], alias="prefixItems")
    any_of: list[_Shape | bool] = Field([], alias="anyOf")
    one_of: list[_Shape | bool] = Field([], alias="oneOf")
    all_of: list[_Shape | bool] = Field([], alias="allOf")
    defs: dict[str, _Shape | bool] = Field({}, alias="$defs")


_SHAPE: Final = TypeAdapter[object](_Shape | bool)
_TYPES: Final = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})


@dataclass(frozen=True)
class SchemaDocument:
    """A JSON Schema; parts of it are `Node`s, and mean nothing without it."""

    root: Node
    definitions: Mapping[str, JsonValue] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "definitions", self.root.get("$defs") or {})

    def resolve(self, node: JsonValue) -> Node:
        """Return a part with what it refers to in its place. True is `{}`, False `IMPOSSIBLE`."""
        if isinstance(node, bool):
            return {} if node else IMPOSSIBLE
        found = cast("Node", node)
        while "$ref" in found:
            target = self.definition(cast("str", found["$ref"]))
            found = {**target, **{key: value for key, value in found.items() if key != "$ref"}}
        return found

    def definition(self, reference: str) -> Node:
        """Return what a reference names."""
        if reference == "#":
            return {key: value for key, value in self.root.items() if key != "$defs"}
        return cast("Node", self.definitions[name_of(reference)])

    def alternatives(self, node: JsonValue) -> list[Node]:
        """Return the parts of which a value has to match one, resolved; a tagged one with its tag required."""
        found = self.resolve(node)
        for union in ("anyOf", "oneOf"):
            if union in found:
                beside = {key: value for key, value in found.items() if key not in (union, "discriminator")}
                members = cast("list[JsonValue]", found[union])
                return [
                    {**beside, **part}
                    for member in members
                    for each in self.alternatives(member)
                    for part in [self.tagged(each, found)]
                ]
        types = found.get("type")
        if isinstance(types, list):
            return [{**found, "type": kind} for kind in types]
        return [found]

    @staticmethod
    def tagged(member: Node, union: Node) -> Node:
        """Return a member of a union as it has to be there: with the property by which it is told apart."""
        discriminator = cast("Mapping[str, JsonValue]", union.get("discriminator") or {})
        tag = discriminator.get("propertyName")
        if not isinstance(tag, str) or tag not in cast("Node", member.get("properties") or {}):
            return member
        required = cast("list[JsonValue]", member.get("required") or [])
        return member if tag in required else {**member, "required": [*required, tag]}


def name_of(reference: str) -> str:
    """Return the name of the definition that a reference names."""
    return reference.removeprefix(NAMED).replace("~1", "/").replace("~0", "~")


def without_texts(node: JsonValue) -> JsonValue:
    """Return a part without what is there for people alone, and without definitions."""
    if isinstance(node, list):
        return [without_texts(item) for item in node]
    if not isinstance(node, dict):
        return node
    found: dict[str, JsonValue] = {}
    for key, value in node.items():
        if key in ("properties", "patternProperties"):
            found[key] = {name: without_texts(part) for name, part in cast("Node", value).items()}
        elif key not in _TEXTS:
            found[key] = value if key in ("enum", "const") else without_texts(value)
    return found


def text(node: JsonValue | Node) -> str:
    """Return a part as text, the same for equal ones."""
    return json.dumps(node, sort_keys=True)


def parts(node: JsonValue, path: str = "") -> Iterator[tuple[str, Node]]:
    """Yield each part of a schema with its path, the definitions' among them."""
    if not isinstance(node, dict):
        return
    yield path, node
    for key in ("properties", "patternProperties", "$defs"):
        for name, part in cast("Node", node.get(key) or {}).items():
            yield from parts(part, f"{path}.{name}" if path else name)
    for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        for part in cast("list[JsonValue]", node.get(key) or []):
            yield from parts(part, path)
    for key in ("items", "additionalProperties", "propertyNames"):
        yield from parts(node.get(key), f"{path}[]" if key == "items" else path)


def not_expressed(schema: Node) -> list[str]:
    """Return what the words of JSON Schema don't say of a schema, by path and name."""
    found: list[str] = []
    for path, part in parts(cast("JsonValue", schema)):
        where = path or "the whole"
        for name in cast("list[str]", part.get(VALIDATORS) or []):
            found.append(f"{where}: the validator {name}")
        for name, asked in cast("Node", part.get(CHECKS) or {}).items():
            found.append(f"{where}: {name} {json.dumps(asked)}")
        if UNKNOWN in part:
            found.append(f"{where}: {part[UNKNOWN]}")
    return list(dict.fromkeys(found))


def malformed(schema: object) -> list[str]:
    """Return in which places a value isn't a JSON Schema (draft 2020-12) that refers to nothing outside itself."""
    try:
        _SHAPE.validate_python(schema)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        return [f"{'.'.join(map(str, each['loc'])) or 'the whole'}: {each['msg']}" for each in found]
    if isinstance(schema, bool):
        return []
    document = cast("dict[str, JsonValue]", schema)
    known = cast("Node", document.get("$defs") or {})
    return [each for path, part in parts(document) for each in _problems(path or "the whole", part, known)]


def _problems(path: str, part: Node, known: Node) -> Iterator[str]:
    types = part.get("type", [])
    for kind in types if isinstance(types, list) else [types]:
        if kind not in _TYPES:
            yield f"{path}: no type is named {kind!r}"
    reference = part.get("$ref")
    if not isinstance(reference, str) or reference == "#":
        return
    if not reference.startswith(NAMED) or name_of(reference) not in known:
        yield f"{path}: nothing is defined as {reference!r}"
