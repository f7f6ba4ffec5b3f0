"""The one form of equal values: what JSON has of a value, less defaults, and in an order that doesn't change."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, is_dataclass
from typing import Literal, cast, get_args, get_origin, get_type_hints

from pydantic import BaseModel, JsonValue, RootModel


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a model or dataclass: its name, its name on the wire, and how many values a `Literal` of it has."""

    name: str
    written: str
    literals: int = 0


def canonical(value: object, brief: JsonValue, whole: JsonValue, tags: float) -> JsonValue:
    """Return a value's brief dump with its sets sorted, and the tags by which a union tells its members.

    Args:
        value: what was dumped.
        brief: its dump without what is as by default.
        whole: its dump.
        tags: fields of a `Literal` of up to so many values are kept although they are as by default.
    """
    if isinstance(value, RootModel):
        return canonical(cast("RootModel[object]", value).root, brief, whole, tags)
    if isinstance(brief, dict) and isinstance(whole, dict):
        return _mapping(value, brief, whole, tags)
    if not isinstance(brief, list) or not isinstance(whole, list):
        return brief
    items = _items(value)
    if items is None or not len(items) == len(brief) == len(whole):
        return brief
    # Pydantic has written them in the order in which they come here.
    written = [canonical(*each, tags) for each in zip(items, brief, whole, strict=True)]
    return sorted(written, key=text) if isinstance(value, Set) else written


def text(value: JsonValue) -> str:
    """Return the JSON text of a value, the same for every order of keys."""
    return json.dumps(value, sort_keys=True)


def _items(value: object) -> list[object] | None:
    is_collection = isinstance(value, (Sequence, Set)) and not isinstance(value, str | bytes)
    return list(cast("Sequence[object] | Set[object]", value)) if is_collection else None


def _mapping(value: object, brief: dict[str, JsonValue], whole: dict[str, JsonValue], tags: float) -> JsonValue:
    if isinstance(value, Mapping):
        parts = list(cast("Mapping[object, object]", value).values())
        if not len(parts) == len(brief) == len(whole):
            return brief
        return {key: canonical(part, brief[key], whole.get(key), tags) for part, key in zip(parts, brief, strict=True)}
    found = dict(brief)
    for field in _fields(value):
        if field.written in brief:
            part: object = getattr(value, field.name, None)
            found[field.written] = canonical(part, brief[field.written], whole.get(field.written), tags)
        elif 0 < field.literals <= tags and field.written in whole:
            found[field.written] = whole[field.written]
    return found


def _fields(value: object) -> Iterator[Field]:
    of = type(value)
    if isinstance(value, BaseModel):
        for name, info in type(value).model_fields.items():
            yield Field(name, info.serialization_alias or name, _literals(info.annotation))
        for name, computed in type(value).model_computed_fields.items():
            yield Field(name, computed.alias or name)
        for name in value.model_extra or {}:
            yield Field(name, name)
    elif is_dataclass(of):
        aliases = getattr(of, "__pydantic_fields__", {})
        for name, annotation in _hints(of).items():
            alias = getattr(aliases.get(name), "serialization_alias", None)
            yield Field(name, alias or name, _literals(annotation))


def _hints(of: type) -> dict[str, object]:
    try:
        return get_type_hints(of)
    except NameError:  # types of a function's own, which pydantic has found by other means
        return dict(of.__annotations__)


def _literals(annotation: object) -> int:
    return len(get_args(annotation)) if get_origin(annotation) is Literal else 0
