"""`Reading`: a schema as types and zod schemas are made of it: by the names that its definitions have in TypeScript."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

from pydantic import JsonValue

from midday_worker.contract.json_schema import Node
from midday_worker.contract.schema_document import SchemaDocument, name_of


@dataclass(frozen=True, slots=True)
class Reading:
    """A schema, what its definitions are called, and what of it can't be expressed.

    Attributes:
        document: the schema.
        names: of definitions, by their names in the schema.
        missing: is filled with what isn't expressed.
    """

    document: SchemaDocument
    names: Mapping[str, str]
    missing: list[str] = field(default_factory=list)

    def reference(self, node: Node) -> str | None:
        """Return the name of what a part refers to, if it refers to a definition."""
        reference = node.get("$ref")
        return self.names[name_of(reference)] if isinstance(reference, str) else None

    def members(self, node: Node) -> list[tuple[Node, str | None]]:
        """Return the members of a union, each with the property that has to be there as it tells them apart."""
        union = "anyOf" if "anyOf" in node else "oneOf"
        found: list[tuple[Node, str | None]] = []
        for member in cast("list[JsonValue]", node.get(union) or []):
            part = cast("Node", member) if isinstance(member, dict) else self.document.resolve(member)
            resolved = self.document.resolve(member)
            tagged = SchemaDocument.tagged(resolved, node)
            found.append((part, None if tagged is resolved else _tag(node)))
        return found

    def tag_of(self, member: Node, tag: str) -> Node:
        """Return the schema of the property that tells a member apart."""
        return cast("Node", cast("Node", self.document.resolve(cast("JsonValue", member))["properties"])[tag])


def _tag(union: Node) -> str:
    return cast("str", cast("Node", union["discriminator"])["propertyName"])


def uses(node: JsonValue, found: Callable[[str], None]) -> None:
    """Call `found` with the name of each definition that a part refers to."""
    if isinstance(node, list):
        for item in node:
            uses(item, found)
    elif isinstance(node, dict):
        reference = node.get("$ref")
        if isinstance(reference, str):
            found(name_of(reference))
        for key, part in node.items():
            if key not in ("default", "examples", "const", "enum"):
                uses(part, found)
