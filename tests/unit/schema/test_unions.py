"""Unions whose values are written alike come back as another one's: refused, and no union that does come back is."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum, StrEnum
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Literal, NoReturn
from uuid import UUID

import pytest
from pydantic import AnyUrl, Field, WithJsonSchema, field_validator
from pydantic.json_schema import SkipJsonSchema
from typing_extensions import TypeForm

from midday_worker import Payload
from midday_worker.errors import SchemaError
from midday_worker.schema.schema import Schema


class Feet(Payload):
    height: int


class Metres(Payload):
    height: int


class Shifted(Payload):
    height: int
    by: int


class Named(Payload):
    name: str
    also: str = ""


class Circle(Payload):
    kind: Literal["circle"] = "circle"
    size: int


class Square(Payload):
    kind: Literal["square"] = "square"
    size: int


class Odd(Payload):
    height: int

    @field_validator("height")
    @classmethod
    def check(cls, height: int) -> int:
        """Tells it from another: what the user's own functions take isn't guessed at."""
        if height % 2 == 0:
            raise ValueError("even")
        return height


@dataclass
class Inches:
    height: int


class Unit(Payload):
    """One within another, of which one member is there twice: it stands among the shared definitions."""

    either: Feet | Metres
    certain: Feet


class Tree(Payload):
    below: list[Tree] | tuple[str, ...]


class Colour(Enum):
    RED = "red"


class Word(StrEnum):
    RED = "red"


class Rough(Payload):
    """Its JSON schema doesn't say what it takes."""

    number: Annotated[int, WithJsonSchema({"type": ["integer", "string"]})]


class Raising(Payload):
    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: object, handler: object) -> NoReturn:
        """Fail."""
        raise RuntimeError("no schema")


@pytest.mark.parametrize(
    "type_", [Feet | SkipJsonSchema[Named], int | SkipJsonSchema[Feet], Rough | int, Raising | int]
)
def test_a_member_whose_json_schema_can_not_be_made_is_not_guessed_at(type_: TypeForm[object]) -> None:
    schema = Schema(type_)
    assert schema.dump(1 if type_ != Feet | SkipJsonSchema[Named] else Feet(height=1))


@pytest.mark.parametrize(
    ("type_", "reason"),
    [
        (list[int] | set[int], "it writes {1} as [1], and reads that as [1]; declare one type"),
        (tuple[int, ...] | list[int], "it writes (1,) as [1], and reads that as [1]"),
        (deque[int] | list[int], "it writes deque([1]) as [1], and reads that as [1]"),
        (set[int] | tuple[int, int], "it writes (1, 1) as [1, 1], and reads that as {1}"),
        (list[Path] | list[str], "as ['a'], and reads that as ['a']"),
        (Path | str, "as 'a', and reads that as 'a'; declare one type"),
        (dict[str, str | Path | None], "as 'a', and reads that as 'a'"),
        (UUID | str, "it writes UUID("),
        (AnyUrl | str, "as 'https://example.com/', and reads that as 'https://example.com/'"),
        (IPv4Address | str, "it writes IPv4Address('192.0.2.1') as '192.0.2.1', and reads that as '192.0.2.1'"),
        (Colour | str, "it writes <Colour.RED: 'red'> as 'red', and reads that as 'red'"),
        (Feet | Metres, "it writes Metres(height=1) as {'height': 1}, and reads that as Feet(height=1)"),
        (list[Metres | Feet], "it writes Feet(height=1) as {'height': 1}, and reads that as Metres(height=1)"),
        (Feet | Inches, "it writes Inches(height=1) as {'height': 1}, and reads that as Feet(height=1)"),
        (dict[str, int] | Feet, "it writes Feet(height=1) as {'height': 1}, and reads that as {'height': 1}"),
        (Unit, "field 'either' writes Metres(height=1) as {'height': 1}, and reads that as Feet(height=1); declare"),
    ],
    ids=str,
)
def test_members_that_are_written_alike_are_refused_with_a_value_that_changes(
    type_: TypeForm[object], reason: str
) -> None:
    with pytest.raises(SchemaError) as refused:
        Schema(type_)
    assert reason in str(refused.value)


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (int | str, "5"),
        (str | None, None),
        (Literal["now"] | str, "now"),
        (datetime | int, datetime(2026, 1, 2, 3)),
        (date | datetime, datetime(2026, 1, 2, 3)),
        (int | float, 1.5),
        (bool | int, 1),
        (Colour | None, Colour.RED),
        (Colour | int, Colour.RED),
        (Word | str, Word.RED),
        (Path | int, Path("a")),
        (list[int] | str, [1]),
        (list[int] | list[str], ["a"]),
        (list[int] | dict[str, int], {"a": 1}),
        (tuple[int, str] | tuple[str, int], ("a", 1)),
        (frozenset[int] | set[int], {1}),
        (Counter[str] | dict[str, int], Counter("ab")),
        (OrderedDict[str, int] | dict[str, int], OrderedDict({"a": 1})),
        (Feet | Named, Named(name="ada")),
        (Feet | Shifted, Shifted(height=1, by=2)),
        (Shifted | Feet, Feet(height=1)),
        (Circle | Square, Square(size=1)),
        (Annotated[Circle | Square, Field(discriminator="kind")], Square(size=1)),
        (Feet | list[Feet], [Feet(height=1)]),
        (Feet | str | None, None),
        (Odd | Feet, Feet(height=2)),
        (list[Annotated[str, Field(pattern="^x-")]] | set[int], {1}),
        (Tree, Tree(below=[Tree(below=("a",))])),
    ],
    ids=lambda part: str(part)[:60],
)
def test_members_that_come_back_as_themselves_are_accepted(type_: TypeForm[object], value: object) -> None:
    schema = Schema(type_)
    schema.check_travels(value, schema.dump(value))
