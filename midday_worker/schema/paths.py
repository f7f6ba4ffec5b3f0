"""Whether values of a JSON Schema can have a field: for names that are written elsewhere, as in a limit per key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

_REFERENCE = "#/$defs/"


def may_have(schema: Mapping[str, object], path: str) -> bool:
    """Return whether a value of a schema can have a field at a path: its names as they travel, with dots between.

    >>> order = {"type": "object", "properties": {"teamId": {"type": "string"}}}
    >>> may_have(order, "teamId"), may_have(order, "team_id"), may_have({}, "anything")
    (True, False, True)
    """
    definitions = cast("Mapping[str, Mapping[str, object]]", schema.get("$defs", {}))
    nodes: list[Mapping[str, object]] = [schema]
    for name in path.split("."):
        branches = [branch for node in nodes for branch in _branches(node, definitions, set())]
        nodes = []
        for branch in branches:
            properties = cast("Mapping[str, Mapping[str, object]]", branch.get("properties", {}))
            if name in properties:
                nodes.append(properties[name])
            elif not properties and branch.get("type", "object") == "object":  # any object, or anything
                others = branch.get("additionalProperties")
                nodes.append(cast("Mapping[str, object]", others) if isinstance(others, dict) else {})
        if not nodes:
            return False
    return True


def _branches(
    node: Mapping[str, object], definitions: Mapping[str, Mapping[str, object]], seen: set[str]
) -> Iterator[Mapping[str, object]]:
    reference = node.get("$ref")
    if isinstance(reference, str):
        if reference not in seen:
            yield from _branches(definitions[reference.removeprefix(_REFERENCE)], definitions, {*seen, reference})
        return
    several = [each for word in ("anyOf", "oneOf", "allOf") for each in cast("Sequence[object]", node.get(word, ()))]
    for each in several:
        yield from _branches(cast("Mapping[str, object]", each), definitions, seen)
    if not several:
        yield node
