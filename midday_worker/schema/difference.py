"""Where two values differ: the paths of their innermost parts that do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import TypeAlias, cast

from pydantic import BaseModel

Part: TypeAlias = tuple[str, object, object]
"""A name, as on the wire, and what is there in either value."""


def differences(one: object, other: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Yield the path of each innermost part in which two unequal values differ, and what is there in the first.

    >>> list(differences({"a": [1, (2, 3)], "b": 4}, {"a": [1, [2, 3]], "b": 4}))
    [('a.1', (2, 3))]
    """
    inner = [(name, part, counterpart) for name, part, counterpart in _parts(one, other) if part != counterpart]
    for name, part, counterpart in inner:
        yield from differences(part, counterpart, f"{path}.{name}" if path else name)
    if not inner and not (type(one) is type(other) and _is_compared_by_identity(one)):
        yield path, one


def _is_compared_by_identity(value: object) -> bool:
    """Return whether it is a dataclass with eq=False: two of the same parts are as equal as they can be."""
    return is_dataclass(value) and type(value).__eq__ is object.__eq__


def _parts(one: object, other: object) -> Iterator[Part]:
    if type(one) is not type(other):
        return
    if isinstance(one, BaseModel):
        names = {name: field.serialization_alias or name for name, field in type(one).model_fields.items()}
        yield from _attributes(one, other, {**names, **{name: name for name in one.model_extra or {}}})
    elif is_dataclass(one):
        yield from _attributes(one, other, {field.name: field.name for field in fields(one)})
    elif isinstance(one, Mapping):
        left, right = cast("Mapping[object, object]", one), cast("Mapping[object, object]", other)
        if left.keys() == right.keys():
            yield from ((str(key), part, right[key]) for key, part in left.items())
    elif isinstance(one, list | tuple):
        items, others = cast("list[object] | tuple[object, ...]", one), cast("list[object] | tuple[object, ...]", other)
        if len(items) == len(others):
            yield from ((str(index), *pair) for index, pair in enumerate(zip(items, others, strict=True)))


def _attributes(one: object, other: object, names: Mapping[str, str]) -> Iterator[Part]:
    for name, shown in names.items():
        yield shown, getattr(one, name, None), getattr(other, name, None)
