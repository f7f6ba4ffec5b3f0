"""Checks a value against a recorded shape of bull-board's answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias, cast

Shape: TypeAlias = "str | Mapping[str, object]"
Shapes: TypeAlias = Mapping[str, Shape]

_PLAIN: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def problems(value: object, shape: Shape, shapes: Shapes, place: str = "$") -> Iterator[str]:
    """Yield what is wrong with a value, each with its place."""
    if isinstance(shape, str):
        yield from _of_plain(value, shape, shapes, place)
    elif "object" in shape:
        yield from _of_object(value, shape, shapes, place)
    elif "array" in shape:
        for index, item in enumerate(cast("list[object]", value) if isinstance(value, list) else [None]):
            yield from problems(item, cast("Shape", shape["array"]), shapes, f"{place}[{index}]")
    elif "record" in shape:
        yield from _of_record(value, shape, shapes, place)
    elif "union" in shape:
        options = cast("list[Shape]", shape["union"])
        if all(any(True for _ in problems(value, option, shapes, place)) for option in options):
            yield f"{place} is none of the union's"
    elif "optional" in shape:
        yield from problems(value, cast("Shape", shape["optional"]), shapes, place)
    elif value not in cast("list[object]", shape["oneOf"]):
        yield f"{place} is {value!r}"


def _of_plain(value: object, shape: str, shapes: Shapes, place: str) -> Iterator[str]:
    if shape == "any":
        return
    if shape in shapes:
        yield from problems(value, shapes[shape], shapes, place)
    elif not isinstance(value, _PLAIN[shape]) or (shape == "number" and isinstance(value, bool)):
        yield f"{place} is no {shape}"


def _of_object(value: object, shape: Mapping[str, object], shapes: Shapes, place: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{place} is no object"
        return
    members, known = cast("dict[str, object]", value), cast("Mapping[str, Shape]", shape["object"])
    for name, member in known.items():
        if name in members:
            yield from problems(members[name], member, shapes, f"{place}.{name}")
        elif not (isinstance(member, Mapping) and "optional" in member):
            yield f"{place}.{name} is missing"
    if not shape["loose"]:
        yield from (f"{place}.{name} is unknown" for name in members.keys() - known.keys())


def _of_record(value: object, shape: Mapping[str, object], shapes: Shapes, place: str) -> Iterator[str]:
    keys = cast("list[str] | None", shape["keys"])
    for name, member in (cast("dict[str, object]", value) if isinstance(value, dict) else {"": None}).items():
        if keys is not None and name not in keys:
            yield f"{place}.{name} is unknown"
        yield from problems(member, cast("Shape", shape["record"]), shapes, f"{place}.{name}")
