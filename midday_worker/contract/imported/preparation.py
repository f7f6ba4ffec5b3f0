"""`Preparation`: zod's JSON Schema, as the generator of models reads it without losing anything that can be kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, cast

from pydantic import JsonValue

from midday_worker.contract.imported.node_jobs import NodeJob
from midday_worker.contract.imported.pattern import python_pattern
from midday_worker.contract.json_schema import Node
from midday_worker.contract.schema_document import NAMED, name_of, text
from midday_worker.contract.typescript.names import pascal, unique

NOT_CARRIED: Final = "x-not-carried"
"""The keyword by which the script in Node tells what JSON Schema has no words for."""

_KINDS: Final = {
    "catch": "a value in place of a wrong one (catch)",
    "coerce": "a coercion",
    "custom": "a refinement",
    "overwrite": "a change of the text, as trim()",
    "pipe": "a transformation",
}
"""What the script tells, in zod's words, and ours for it."""

_OURS: Final = ("ConfigDict", "NodePayload")
"""Names that are written around the classes; the generator knows those that it imports itself."""

_DROPPED: Final = ("$schema", "$defs", "$id", "id", "format", "contentEncoding", "readOnly", NOT_CARRIED)
_UNREAD: Final = (
    "not",
    "if",
    "contains",
    "dependentRequired",
    "unevaluatedProperties",
    "minProperties",
    "maxProperties",
)


@dataclass(slots=True)
class Preparation:
    """Definitions for all jobs together.

    Attributes:
        definitions: by the names of classes.
        not_carried: what is checked or changed in Node, and isn't here.
        types: of each job, the names of its payload's and its result's class.
    """

    definitions: dict[str, JsonValue] = field(default_factory=dict)
    not_carried: list[str] = field(default_factory=list)
    types: dict[str, tuple[str, str | None]] = field(default_factory=dict)

    def add_all(self, jobs: Mapping[str, NodeJob]) -> None:
        """Add jobs, which have names for their classes of their own."""
        for job, name in unique(jobs).items():
            self.add(job, name, jobs[job])

    def add(self, job: str, name: str, of: NodeJob) -> None:
        """Add a job, the names of whose classes begin with this one."""
        self._schema(f"{name}Payload", f"{job}: payload", of.payload)
        if of.result is not None:
            self._schema(f"{name}Result", f"{job}: result", of.result)
        self.types[job] = f"{name}Payload", None if of.result is None else f"{name}Result"

    def _schema(self, root: str, place: str, schema: Node) -> None:
        own = cast("Mapping[str, JsonValue]", schema.get("$defs") or {})
        names: dict[str, str] = {"#": root}
        for key in own:
            plain = f"{root}Part{key.removeprefix('__schema')}" if key.startswith("__") else pascal(key)
            names[key] = plain if self._is_free(plain, own[key], names) else f"{root}{plain}"
        part = _Prepared(names, self.not_carried)
        for key, node in own.items():
            self.definitions[names[key]] = part.prepared(node, f"{place}, {key}")
        self.definitions[root] = part.prepared({**schema}, place)

    def _is_free(self, name: str, node: JsonValue, names: Mapping[str, str]) -> bool:
        """Return whether no other type has a name."""
        known = self.definitions.get(name)
        if known is None:
            return name not in (*names.values(), *_OURS)
        return text(known) == text(_Prepared({"#": name}, []).prepared(node, ""))


@dataclass(frozen=True, slots=True)
class _Prepared:
    """Prepares the parts of one schema."""

    names: Mapping[str, str]
    not_carried: list[str]

    def prepared(self, node: JsonValue, path: str) -> JsonValue:
        if isinstance(node, list):
            return [self.prepared(each, path) for each in node]
        if not isinstance(node, dict):
            return node
        self._note(node, path)
        if "$ref" in node:
            key = name_of(cast("str", node["$ref"]))
            return {"$ref": f"{NAMED}{self.names.get(key, pascal(key))}"}
        found: dict[str, JsonValue] = {}
        for key, part in _record(node).items():
            if key in ("properties", "patternProperties"):
                named = cast("Node", part).items()
                found[key] = {name: self.prepared(each, f"{path}.{name}") for name, each in named}
            elif key in ("default", "examples", "enum", "const"):
                found[key] = part
            elif key == "pattern":
                found[key] = python_pattern(cast("str", part))
            elif key not in _DROPPED:
                found[key] = self.prepared(part, f"{path}[]" if key == "items" else path)
        return found

    def _note(self, node: Node, path: str) -> None:
        kinds = cast("list[str]", node.get(NOT_CARRIED) or [])
        found = [_KINDS.get(kind, f"the type {kind}") for kind in kinds] + [key for key in _UNREAD if key in node]
        self.not_carried.extend(f"{path}: {each}" for each in found)
        if "format" in node and "pattern" not in node:
            self.not_carried.append(f"{path}: the format {node['format']}")
        if "prefixItems" in node and isinstance(node.get("items"), dict):
            self.not_carried.append(f"{path}: which place an item is in, as there may be more than those that have one")


def _record(node: Node) -> Node:
    """Return an object with properties by name for one whose names are all listed and required."""
    names = node.get("propertyNames")
    required = node.get("required")
    if not isinstance(names, dict) or "properties" in node or not required:
        return node
    rest = {key: part for key, part in node.items() if key != "propertyNames"}
    each = node.get("additionalProperties", True)
    properties = {str(name): each for name in cast("list[JsonValue]", names.get("enum") or [])}
    return {**rest, "properties": properties, "additionalProperties": False}
