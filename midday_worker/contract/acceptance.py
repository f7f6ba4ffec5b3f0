"""`refusals`: what of all that one schema allows another one refuses.

What can't be proved accepted counts as refused. A writer of objects writes the properties that its schema names, and
others only where the schema says of which form (`additionalProperties`): that unknown ones are ignored is no promise to
write them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, cast

from pydantic import JsonValue

from midday_worker.contract.conformity import conforms
from midday_worker.contract.json_schema import ALIASES, OWN, UNKNOWN, Node
from midday_worker.contract.ranges import range_refusals
from midday_worker.contract.refusal import Refusal, below, refusal
from midday_worker.contract.schema_document import IMPOSSIBLE, SchemaDocument, text, without_texts

Pair: TypeAlias = tuple[str, str]
_Rest: TypeAlias = Literal["items", "additionalProperties"]

_READ: Final = frozenset(
    {
        *("type", "enum", "const", "anyOf", "oneOf", "allOf", "discriminator", "$ref", *OWN),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        *("minLength", "maxLength", "pattern", "format", "contentEncoding"),
        *("items", "prefixItems", "minItems", "maxItems", "uniqueItems"),
        *("properties", "required", "additionalProperties", "patternProperties", "propertyNames"),
        *("minProperties", "maxProperties"),
    }
)
"""The words that are understood here. Any other has to be the same on both sides."""


def refusals(writer: SchemaDocument, reader: SchemaDocument) -> list[Refusal]:
    """Return what of the writer's values the reader refuses, or may refuse; nothing if it accepts all."""
    return _Comparison(writer, reader).of(cast("JsonValue", writer.root), cast("JsonValue", reader.root))


@dataclass(slots=True)
class _Comparison:
    """Compares parts of two schemas.

    Attributes:
        assumed: pairs of parts that are accepted if those are that they are part of, as a value's parts are smaller.
        refused: what is refused of a pair, whatever is assumed.
    """

    writer: SchemaDocument
    reader: SchemaDocument
    assumed: set[Pair] = field(default_factory=set)
    refused: dict[Pair, list[Refusal]] = field(default_factory=dict)

    def of(self, writer: JsonValue, reader: JsonValue) -> list[Refusal]:
        pair = text(writer), text(reader)
        if pair in self.assumed or pair in self.refused:
            return self.refused.get(pair, [])
        before = set(self.assumed)
        self.assumed.add(pair)
        members = self.writer.alternatives(writer)
        found = [each for member in members for each in self.member(member, reader, alone=len(members) == 1)]
        if found:  # and with it all that was found on the assumption that it is accepted
            self.assumed = before
            self.refused[pair] = list(dict.fromkeys(found))
        return self.refused.get(pair, [])

    def member(self, writer: Node, reader: JsonValue, *, alone: bool) -> list[Refusal]:
        if writer == IMPOSSIBLE:
            return []
        choices = self.reader.alternatives(reader)
        tried = [(choice, self.one(writer, choice)) for choice in choices]
        if any(not found for _, found in tried):
            return []
        if len(tried) == 1 and alone:
            return tried[0][1]
        alike = [found for choice, found in tried if _alike(writer, choice)]
        if alike:
            return min(alike, key=len)
        return [refusal("null" if writer.get("type") == "null" else "type", _kind(writer), _kinds(choices))]

    def one(self, writer: Node, reader: Node) -> list[Refusal]:
        """Compare two parts that are no unions."""
        if reader == IMPOSSIBLE:
            return [refusal("type", _kind(writer), "nothing")]
        if "allOf" in reader:
            parts = cast("list[JsonValue]", reader["allOf"])
            bare = {key: value for key, value in reader.items() if key != "allOf"}
            return [each for part in [bare, *parts] for each in self.of(cast("JsonValue", writer), part)]
        if "allOf" in writer:
            return self.some(writer, reader)
        unread = [*_unread(writer, reader), *range_refusals(writer, reader)]
        values = _values(writer)
        if values is not None:
            return [*_refused(values, reader, self.reader), *(each for each in unread if each.rule == "unproved")]
        if _values(reader) is not None:
            return [refusal("values", _kind(writer), text(_values(reader)))]
        if "type" in reader and not _fits(writer.get("type"), reader["type"]):
            return [refusal("type", _kind(writer), _kind(reader))]
        found = [*unread]
        if writer.get("type") == "array":
            found += self.items(writer, reader)
        if writer.get("type") == "object":
            found += _Objects(self, writer, reader).refusals()
        return found

    def some(self, writer: Node, reader: Node) -> list[Refusal]:
        bare = {key: value for key, value in writer.items() if key != "allOf"}
        parts = [bare, *cast("list[JsonValue]", writer["allOf"])]
        if any(not self.of(part, cast("JsonValue", reader)) for part in parts):
            return []
        return [refusal("unproved", "allOf", "each of its parts would have to be accepted by itself")]

    def items(self, writer: Node, reader: Node) -> list[Refusal]:
        first, wanted = (cast("list[JsonValue]", each.get("prefixItems") or []) for each in (writer, reader))
        rest, wanted_rest = writer.get("items", True), reader.get("items", True)
        most = cast("float", writer.get("maxItems", float("inf")))
        found: list[Refusal] = []
        for at in range(max(len(first), len(wanted))):
            if at < most:
                item = first[at] if at < len(first) else rest
                found += below(f"[{at}]", self.of(item, wanted[at] if at < len(wanted) else wanted_rest))
        if most > max(len(first), len(wanted)):
            found += below("[]", self.of(rest, wanted_rest))
        return found


@dataclass(slots=True)
class _Objects:
    """Compares two objects, property by property."""

    outer: _Comparison
    writer: Node
    reader: Node

    def refusals(self) -> list[Refusal]:
        written, read = self.properties(self.writer), self.properties(self.reader)
        found: list[Refusal] = []
        names: set[str] = set()
        for name, part in read.items():
            called = {name: None, **dict.fromkeys(_aliases(self.outer.reader.resolve(part)))}
            given = [each for each in called if each in written]
            names.update(given)
            found += below(name, self.read(name, given, written, part))
            others = [other for each in given for other in _aliases(self.outer.writer.resolve(written[each]))]
            found += below(
                name, [refusal("alias", other, text(list(called))) for other in others if other not in called]
            )
        for name in sorted(written.keys() - names):
            found += below(name, self.unread(name, written[name]))
        return [*found, *self.patterns(), *self.open()]

    def read(self, name: str, given: list[str], written: Node, part: JsonValue) -> list[Refusal]:
        """Return what is refused of a property that is read, where it is written by any of the names that are given."""
        found = [each for other in given for each in self.outer.of(written[other], part)]
        rest = self.rest(self.writer)
        if not given and rest is not None:
            found += self.outer.of(rest, part)
        always = cast("list[str]", self.writer.get("required") or [])
        if name in cast("list[str]", self.reader.get("required") or []) and not any(each in always for each in given):
            found.append(refusal("missing", "it may be left out" if given else "it is not written", "it is required"))
        return found

    def unread(self, name: str, part: JsonValue) -> list[Refusal]:
        """Return what is refused of a property that the reader doesn't name."""
        patterns = self.properties(self.reader, "patternProperties")
        if patterns:
            return [refusal("unproved", "a property", "which names are read is said by patterns")]
        if self.reader.get("additionalProperties") is False:
            return [refusal("unknown", "a property", "no properties but those that are named")]
        names = self.reader.get("propertyNames", True)
        if conforms(name, names, self.outer.reader) is not True:
            return [refusal("unproved", "a property", f"a name that is {text(names)}")]
        return self.outer.of(part, self.reader.get("additionalProperties", True))

    def open(self) -> list[Refusal]:
        """Return what is refused of the properties that the writer doesn't name."""
        rest = self.rest(self.writer)
        if rest is None:
            return []
        found: list[Refusal] = []
        if "patternProperties" in self.reader:
            found.append(refusal("unproved", "any names", "names by patterns"))
        if "propertyNames" in self.reader:
            named: Node = {"type": "string", **self.outer.writer.resolve(self.writer.get("propertyNames", True))}
            found += below("{name}", self.outer.of(cast("JsonValue", named), self.reader["propertyNames"]))
        wanted = self.reader.get("additionalProperties", True)
        if wanted is False:
            return [*found, refusal("unknown", "any properties", "no properties but those that are named")]
        return [*found, *below("{}", self.outer.of(rest, wanted))]

    def patterns(self) -> list[Refusal]:
        """Return what is refused of the properties whose names the writer has patterns for."""
        found: list[Refusal] = []
        wanted = self.properties(self.reader, "patternProperties")
        for pattern, part in self.properties(self.writer, "patternProperties").items():
            if pattern in wanted:
                found += below("{}", self.outer.of(part, wanted[pattern]))
            elif wanted or "propertyNames" in self.reader or self.properties(self.reader):
                found.append(refusal("unproved", f"names like {pattern}", "other names"))
            else:
                found += below("{}", self.outer.of(part, self.reader.get("additionalProperties", True)))
        return found

    @staticmethod
    def properties(of: Node, key: str = "properties") -> Node:
        return cast("Node", of.get(key) or {})

    @staticmethod
    def rest(of: Node) -> JsonValue:
        """Return the schema of the properties that aren't named; None if none are written."""
        rest = of.get("additionalProperties")
        if rest is None and not of.get("properties") and not of.get("patternProperties"):
            return True  # an object of which nothing is known
        return None if rest is False else rest


def _aliases(node: Node) -> list[str]:
    return cast("list[str]", node.get(ALIASES) or [])


def _values(node: Node) -> list[JsonValue] | None:
    """Return the values of which a part is one; None if they aren't told one by one."""
    if "const" in node:
        return [node["const"]]
    if "enum" in node:
        return cast("list[JsonValue]", node["enum"])
    return [None] if node.get("type") == "null" else None


def _refused(values: list[JsonValue], reader: Node, document: SchemaDocument) -> list[Refusal]:
    refused = [value for value in values if conforms(value, cast("JsonValue", reader), document) is not True]
    if refused == [None]:
        return [refusal("null", "null", _kind(reader))]
    listed = _values(reader)
    return [refusal("values", text(refused), _kind(reader) if listed is None else text(listed))] if refused else []


def _unread(writer: Node, reader: Node) -> list[Refusal]:
    found: list[Refusal] = []
    ours, theirs = (cast("Node", without_texts(cast("JsonValue", each))) for each in (writer, reader))
    for key in sorted(theirs.keys() - _READ):
        if ours.get(key) != theirs[key] or "$ref" in text(theirs[key]):
            found.append(refusal("unproved", "anything", f"{key}: {text(theirs[key])}"))
    if UNKNOWN in writer and set(theirs) - {UNKNOWN}:
        found.append(refusal("unproved", str(writer[UNKNOWN]), _kind(reader)))
    return found


def _fits(written: JsonValue, read: JsonValue) -> bool:
    return written == read or (written == "integer" and read == "number")


def _alike(writer: Node, reader: Node) -> bool:
    return "type" in reader and _fits(writer.get("type"), reader["type"])


def _kind(node: Node) -> str:
    values = _values(node)
    if values is not None:
        return text(values[0]) if len(values) == 1 else f"one of {text(values)}"
    kind = node.get("type")
    name = kind if isinstance(kind, str) else "anything"
    return f"{name} ({node['format']})" if "format" in node else name


def _kinds(nodes: list[Node]) -> str:
    return " or ".join(dict.fromkeys(map(_kind, nodes)))
