"""TypeScript's types, of JSON Schema."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, cast

from pydantic import JsonValue

from midday_worker.contract.json_schema import CHECKS, UNKNOWN, VALIDATORS, Node
from midday_worker.contract.typescript.names import key, text
from midday_worker.contract.typescript.reading import Reading

_PLAIN: Final = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
_TOLD: Final = (
    *("format", "pattern", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    *("multipleOf", "minItems", "maxItems", "uniqueItems", "default", CHECKS, VALIDATORS, UNKNOWN),
)
"""What a type doesn't say, and its comment does."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """Makes types of the parts of a schema."""

    reading: Reading

    def declared(self, name: str, node: Node) -> str:
        """Return the declaration of a named type."""
        return f"{comment(node)}export type {name} = {self.of(node)};\n"

    def of(self, node: JsonValue | Node, indent: str = "") -> str:
        """Return the type of a part."""
        if isinstance(node, bool):
            return "unknown" if node else "never"
        part = cast("Node", node)
        named = self.reading.reference(part)
        if named is not None:
            return named
        if "enum" in part or "const" in part:
            values = cast("list[JsonValue]", part.get("enum", [part.get("const")]))
            return " | ".join(map(text, values)) or "never"
        if "anyOf" in part or "oneOf" in part:
            members = [self._member(member, tag, indent) for member, tag in self.reading.members(part)]
            return " | ".join(dict.fromkeys(members)) or "never"
        if "allOf" in part:
            return " & ".join(f"({self.of(each, indent)})" for each in cast("list[JsonValue]", part["allOf"]))
        kinds = part.get("type")
        if isinstance(kinds, list):
            return " | ".join(self.of({**part, "type": kind}, indent) for kind in kinds)
        if kinds == "array":
            return self._array(part, indent)
        if kinds == "object":
            return self._object(part, indent)
        return _PLAIN.get(cast("str", kinds), "unknown")

    def _member(self, member: Node, tag: str | None, indent: str) -> str:
        found = self.of(member, indent)
        if tag is None:
            return found
        return f"({found} & {{ {key(tag)}: {self.of(self.reading.tag_of(member, tag))} }})"

    def _array(self, node: Node, indent: str) -> str:
        first = cast("list[JsonValue]", node.get("prefixItems") or [])
        rest = node.get("items", True)
        if not first:
            return "[]" if node.get("maxItems") == 0 else f"Array<{self.of(rest, indent)}>"
        least = cast("int", node.get("minItems", 0))
        parts = [f"{self.of(each, indent)}{'' if at < least else '?'}" for at, each in enumerate(first)]
        parts = [f"({each[:-1]})?" if each.endswith("?") and " " in each else each for each in parts]
        if node.get("maxItems") != len(first):
            parts.append(f"...Array<{self.of(rest, indent)}>")
        return f"[{', '.join(parts)}]"

    def _object(self, node: Node, indent: str) -> str:
        properties = cast("Node", node.get("properties") or {})
        rest = list(self._rest(node, indent))
        if not properties:
            return f"Record<string, {' | '.join(rest)}>" if rest else "Record<string, never>"
        required = cast("list[str]", node.get("required") or [])
        inner = f"{indent}  "
        lines: list[str] = []
        for name, part in sorted(properties.items()):
            found = self.of(part, inner)
            optional = name not in required
            described = comment(cast("Node", part), inner) if isinstance(part, dict) else ""
            lines.append(
                f"{described}{inner}{key(name)}{'?' if optional else ''}: {found}{' | undefined' * optional};\n"
            )
            rest += [found, *["undefined"] * optional]
        if "additionalProperties" in node and node["additionalProperties"] is not False:
            known = list(dict.fromkeys(rest))
            lines.append(f"{inner}[name: string]: {'unknown' if 'unknown' in known else ' | '.join(known)};\n")
        return f"{{\n{''.join(lines)}{indent}}}"

    def _rest(self, node: Node, indent: str) -> Iterator[str]:
        """Yield the types of the properties that aren't named."""
        for part in cast("Node", node.get("patternProperties") or {}).values():
            yield self.of(part, indent)
        if node.get("additionalProperties", True) is not False:
            yield self.of(node.get("additionalProperties", True), indent)


def comment(node: Node, indent: str = "") -> str:
    """Return what a part's type doesn't say, as a comment before it; nothing if it says all."""
    lines = [line.strip() for line in str(node.get("description") or "").splitlines() if line.strip()]
    lines += [f"@example {text(each)}" for each in cast("list[JsonValue]", node.get("examples") or [])]
    lines += [f"@{name.removeprefix('x-')} {text(node[name])}" for name in _TOLD if name in node]
    lines += ["@deprecated"] if node.get("deprecated") else []
    safe = [line.replace("*/", "*\\/") for line in lines]
    if not safe:
        return ""
    if len(safe) == 1:
        return f"{indent}/** {safe[0]} */\n"
    return "".join([f"{indent}/**\n", *(f"{indent} * {line}\n" for line in safe), f"{indent} */\n"])
