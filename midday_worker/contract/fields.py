"""`fields`: the properties that a schema names, by path, for saying what has changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, TypeAlias, cast

from pydantic import JsonValue

from midday_worker.contract.json_schema import Node
from midday_worker.contract.schema_document import SchemaDocument, text, without_texts

Path: TypeAlias = tuple[str, ...]

_MOST: Final = 20_000
"""Types that hold each other have any number of paths."""

_NESTED: Final = ("properties", "required", "items", "prefixItems", "anyOf", "oneOf", "discriminator", "$ref")


@dataclass(frozen=True, slots=True)
class Field:
    """A property.

    Attributes:
        own: what it is without its parts, which have paths of their own.
        required: whether it is always there.
        described: its texts.
        shape: what it is, its parts included.
    """

    own: str
    required: bool
    described: str
    shape: str = field(compare=False)


def fields(document: SchemaDocument) -> dict[Path, Field]:
    """Return the properties of a schema by path; those of a union's members together."""
    found: dict[Path, Field] = {}
    for path, each in islice(_walk(document, cast("JsonValue", document.root), (), True, ()), _MOST):
        known = found.get(path)
        if known is not None:
            own, shape = (
                " or ".join(dict.fromkeys(pair)) for pair in ((known.own, each.own), (known.shape, each.shape))
            )
            each = Field(own, known.required and each.required, known.described + each.described, shape)
        found[path] = each
    return found


def _walk(
    document: SchemaDocument, node: JsonValue, path: Path, required: bool, within: tuple[str, ...]
) -> Iterator[tuple[Path, Field]]:
    members = document.alternatives(node)
    plain = [cast("Node", without_texts(cast("JsonValue", each))) for each in members]
    own = [{key: value for key, value in each.items() if key not in _NESTED} for each in plain]
    resolved = document.resolve(node)
    described = text({key: resolved[key] for key in ("title", "description", "examples", "default") if key in resolved})
    yield path, Field(text(cast("JsonValue", own)), required, described, text(cast("JsonValue", plain)))
    for member in members:
        shape = text(member)
        if shape in within:  # a type that holds itself
            continue
        yield from _parts(document, member, path, (*within, shape))


def _parts(document: SchemaDocument, member: Node, path: Path, within: tuple[str, ...]) -> Iterator[tuple[Path, Field]]:
    always = cast("list[str]", member.get("required") or [])
    for name, part in cast("Node", member.get("properties") or {}).items():
        yield from _walk(document, part, (*path, name), name in always, within)
    for at, part in enumerate(cast("list[JsonValue]", member.get("prefixItems") or [])):
        yield from _walk(document, part, (*path, f"[{at}]"), True, within)
    for key, step in (("items", "[]"), ("additionalProperties", "{}")):
        if isinstance(member.get(key), dict):
            yield from _walk(document, member[key], (*path, step), True, within)
