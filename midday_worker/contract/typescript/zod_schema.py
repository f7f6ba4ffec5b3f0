"""Schemas of zod 4, of JSON Schema."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

from pydantic import JsonValue

from midday_worker.contract.json_schema import CHECKS, Node
from midday_worker.contract.schema_document import text as as_text
from midday_worker.contract.typescript.names import key, schema_name, text
from midday_worker.contract.typescript.reading import Reading

# As pydantic writes and reads them, and zod's own of these names don't.
_MATCHED: Final = {
    "time": r"/^\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?$/",
    "duration": r"/^[+-]?P(?=.)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+(\.\d{1,6})?S)?)?$/",
    "decimal": r"/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/",
    "base64url": r"/^(?:[\w-]{4})*(?:[\w-][AQgw](?:==?)?|[\w-]{2}[AEIMQUYcgkosw048]=?)?$/",
}
_FORMATS: Final = {
    "date-time": "z.iso.datetime({ offset: true, local: true })",
    "date": "z.iso.date()",
    "uuid": "z.guid()",
    "email": "z.email()",
    "uri": "z.url()",
    "ipv4": "z.ipv4()",
    "ipv6": "z.ipv6()",
    "ipvanyaddress": "z.union([z.ipv4(), z.ipv6()])",
    **{name: f"z.string().regex({pattern})" for name, pattern in _MATCHED.items()},
}
_UNCHECKED: Final = ("password", "binary", "path", "file-path", "directory-path")
_NUMBERS: Final = {
    "minimum": "min",
    "maximum": "max",
    "exclusiveMinimum": "gt",
    "exclusiveMaximum": "lt",
    "multipleOf": "multipleOf",
}
_NOT_JAVASCRIPT: Final = re.compile(r"\(\?[P#imsxuLU-]|\\[AzZGhHRKX]|\[\[:|[*+?}]\+|\(\?<[a-zA-Z][^>]*>.*\(\?P=")


@dataclass(frozen=True, slots=True)
class ZodSchema:
    """Makes zod schemas of the parts of a schema.

    Args:
        reading: the schema.
        is_made: whether what a definition is made to stands before this place in the file.
    """

    reading: Reading
    is_made: Callable[[str], bool]

    def declared(self, name: str, node: Node) -> str:
        """Return the declaration of a named schema."""
        return f"export const {schema_name(name)}: z.ZodType<{name}> = {self.of(node, name)};\n"

    def of(self, node: JsonValue | Node, path: str, indent: str = "") -> str:
        """Return the schema of a part."""
        if isinstance(node, bool):
            return "z.unknown()" if node else "z.never()"
        part = cast("Node", node)
        self._note(part, path)
        named = self.reading.reference(part)
        if named is not None:
            return schema_name(named) if self.is_made(named) else f"z.lazy(() => {schema_name(named)})"
        if "enum" in part or "const" in part:
            values = cast("list[JsonValue]", part.get("enum", [part.get("const")]))
            return f"z.literal({text(values)})" if values else "z.never()"
        if "anyOf" in part or "oneOf" in part:
            return self._union(part, path, indent)
        if "allOf" in part:
            first, *others = (self.of(each, path, indent) for each in cast("list[JsonValue]", part["allOf"]))
            return first + "".join(f".and({other})" for other in others)
        kinds = part.get("type")
        if isinstance(kinds, list):
            return f"z.union([{', '.join(self.of({**part, 'type': kind}, path, indent) for kind in kinds)}])"
        return self._typed(part, path, indent)

    def _typed(self, node: Node, path: str, indent: str) -> str:
        kind = node.get("type")
        if kind == "array":
            return self._array(node, path, indent)
        if kind == "object":
            return self._object(node, path, indent)
        if kind == "string":
            return self._string(node, path)
        if kind in ("integer", "number"):
            checks = "".join(f".{_NUMBERS[name]}({text(node[name])})" for name in _NUMBERS if name in node)
            return f"z.{'int' if kind == 'integer' else 'number'}(){checks}"
        return {"boolean": "z.boolean()", "null": "z.null()"}.get(cast("str", kind), "z.unknown()")

    def _note(self, node: Node, path: str) -> None:
        for name in ("not", "if", "contains", "dependentRequired", "unevaluatedProperties"):
            if name in node:
                self.reading.missing.append(f"{path}: {name} {as_text(node[name])}")

    def _union(self, node: Node, path: str, indent: str) -> str:
        members = self.reading.members(node)
        found = [self._member(member, tag, path, indent) for member, tag in members]
        some = [each for each in found if each != "z.null()"]
        nullable = ".nullable()" if len(some) < len(found) else ""
        if len(some) == 1:
            return f"{some[0]}{nullable}"
        return f"z.union([{', '.join(some)}]){nullable}" if some else "z.null()"

    def _member(self, member: Node, tag: str | None, path: str, indent: str) -> str:
        found = self.of(member, path, indent)
        if tag is None:
            return found
        return f"{found}.and(z.looseObject({{ {key(tag)}: {self.of(self.reading.tag_of(member, tag), path)} }}))"

    def _string(self, node: Node, path: str) -> str:
        name = node.get("format")
        found = _FORMATS.get(cast("str", name), "z.string()")
        if isinstance(name, str) and name not in (*_FORMATS, *_UNCHECKED):
            self.reading.missing.append(f"{path}: the format {name}")
        schemes = cast("Node", node.get(CHECKS) or {}).get("allowed_schemes")
        if name == "uri" and isinstance(schemes, list):
            found = f"z.url({{ protocol: /^(?:{'|'.join(re.escape(str(each)) for each in schemes)})$/ }})"
        return f"{found}{_lengths(node)}{self._pattern(node, path)}"

    def _pattern(self, node: Node, path: str) -> str:
        pattern = cast("str | None", node.get("pattern"))
        if pattern is None:
            return ""
        if _NOT_JAVASCRIPT.search(pattern):
            self.reading.missing.append(f"{path}: the pattern {pattern}, which JavaScript can't read")
            return ""
        return f".regex(new RegExp({text(pattern)}))"

    def _array(self, node: Node, path: str, indent: str) -> str:
        first = cast("list[JsonValue]", node.get("prefixItems") or [])
        least, most = node.get("minItems"), node.get("maxItems")
        if not first and most == 0:
            return "z.tuple([])"
        if not first:
            bounds = "".join(
                f".{end}({text(limit)})" for end, limit in (("min", least), ("max", most)) if limit is not None
            )
            return f"z.array({self.of(node.get('items', True), f'{path}[]', indent)}){bounds}"
        fewest = cast("int", least or 0)
        parts = [
            f"{self.of(each, f'{path}[{at}]', indent)}{'' if at < fewest else '.optional()'}"
            for at, each in enumerate(first)
        ]
        rest = "" if most == len(first) else f", {self.of(node.get('items', True), f'{path}[]', indent)}"
        return f"z.tuple([{', '.join(parts)}]{rest})"

    def _object(self, node: Node, path: str, indent: str) -> str:
        properties = cast("Node", node.get("properties") or {})
        rest = node.get("additionalProperties")
        count = _count(node)
        if (not properties and "additionalProperties" in node and rest is not False) or "patternProperties" in node:
            return f"{self._record(node, path, indent)}{count}"
        required = cast("list[str]", node.get("required") or [])
        inner = f"{indent}  "
        lines: list[str] = []
        for name, part in sorted(properties.items()):
            optional = "" if name in required else ".optional()"
            lines.append(f"{inner}{key(name)}: {self.of(part, f'{path}.{name}', inner)}{optional},\n")
        made = f"{{\n{''.join(lines)}{indent}}}"
        if rest is False:
            return f"z.strictObject({made}){count}"
        if rest is True or not properties:
            return f"z.looseObject({made}){count}"
        if rest is not None:
            return f"z.object({made}).catchall({self.of(rest, path, inner)}){count}"
        return f"z.object({made}){count}"

    def _record(self, node: Node, path: str, indent: str) -> str:
        patterns = cast("Node", node.get("patternProperties") or {})
        if len(patterns) == 1:
            ((pattern, part),) = patterns.items()
            name = f"z.string(){self._pattern({'pattern': pattern}, path)}"
            return f"z.record({name}, {self.of(part, path, indent)})"
        if patterns:
            self.reading.missing.append(f"{path}: which of several patterns says what a property is")
            parts = ", ".join(self.of(part, path, indent) for part in patterns.values())
            return f"z.record(z.string(), z.union([{parts}]))"
        names: Node = {"type": "string", **self.reading.document.resolve(node.get("propertyNames", True))}
        called = "z.partialRecord" if "enum" in names or "const" in names else "z.record"
        return f"{called}({self.of(names, path)}, {self.of(node['additionalProperties'], path, indent)})"


def _lengths(node: Node) -> str:
    """Return checks of a text's length, which is counted as Python and JSON Schema count it: by code points."""
    found = (
        f".min({node['minLength']})"
        if node.get("minLength") in (0, 1)
        else _limit(node, "minLength", ">=", "[...value]")
    )
    return found + _limit(node, "maxLength", "<=", "[...value]")


def _count(node: Node) -> str:
    keys = "Object.keys(value)"
    return _limit(node, "minProperties", ">=", keys) + _limit(node, "maxProperties", "<=", keys)


def _limit(node: Node, name: str, sign: str, counted: str) -> str:
    if name not in node:
        return ""
    return f".refine((value) => {counted}.length {sign} {text(node[name])}, {text(f'{name} {node[name]}')})"
