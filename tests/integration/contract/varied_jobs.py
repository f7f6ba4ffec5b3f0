"""Jobs with every construct that pydantic writes in a schema."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Generic, Literal, NotRequired, TypeVar
from uuid import UUID

from pydantic import AliasChoices, ConfigDict, Field, HttpUrl, IPvAnyAddress, JsonValue, StringConstraints
from typing_extensions import TypedDict

from midday_worker import JobRegistry, Payload, job
from midday_worker.definition.definition import JobDefinition

T = TypeVar("T")


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Tree(Payload):
    """A tree, whose comment ends here: */ export const hacked = 1;"""

    value: int
    children: list[Tree] = Field(default=[])


class Cat(Payload):
    kind: Literal["cat"] = "cat"
    lives: int = 9


class Dog(Payload):
    kind: Literal["dog"]
    name: str


class Page(Payload, Generic[T]):
    items: list[T]
    following: T | None = None


class Closed(Payload):
    model_config = ConfigDict(extra="forbid")

    number: int


class Open(Payload):
    model_config = ConfigDict(extra="allow")

    number: int


class Typed(TypedDict):
    a: int
    b: NotRequired[str]


class Delete(Payload):
    """A word of the language's."""

    class_: int = Field(alias="class")
    x_id: str = Field(alias="x-id", description="With a dash.", examples=["a"])


class Times(Payload):
    moment: datetime
    day: date
    clock: time
    lasts: timedelta


class Texts(Payload):
    decimal: Decimal
    raw: bytes
    uuid: UUID
    url: HttpUrl
    short: Annotated[str, StringConstraints(min_length=2, max_length=4)]
    slug: Annotated[str, StringConstraints(pattern=r"^[a-z]+$")] = "a"
    ip: IPvAnyAddress | None = None


class Numbers(Payload):
    even: Annotated[int, Field(ge=2, lt=10, multiple_of=2)]
    share: Annotated[float, Field(gt=0, le=1)] = 0.5
    other: int = Field(default=1, validation_alias=AliasChoices("other", "former"), serialization_alias="other")


class Unions(Payload):
    plain: int | str | list[Closed]
    tagged: Annotated[Cat | Dog, Field(discriminator="kind")]
    literal: Literal["a", 2, True, None]
    colour: Colour
    level: Level


class Collections(Payload):
    pair: tuple[int, str]
    numbers: tuple[int, ...] = ()
    unique: set[int] = Field(default=set())
    bounded: Annotated[list[int], Field(min_length=1, max_length=3)]
    by_name: dict[str, int]
    by_number: dict[int, str] = Field(default={})
    by_colour: dict[Colour, int] = Field(default={})
    by_pattern: dict[Annotated[str, StringConstraints(pattern="^x-")], bool] = Field(default={})
    some: Annotated[dict[str, int], Field(min_length=1, max_length=2)]


class Absences(Payload):
    nullable: int | None
    optional: int = 3
    both: int | None = None
    nothing: None = None
    anything: object = None
    json_value: JsonValue = None


TYPES: dict[str, object] = {
    "tree": Tree,
    "page:cats": Page[Cat],
    "page-numbers": Page[int],
    "closed": Closed,
    "open": Open,
    "typed": Typed,
    "delete": Delete,
    "times": Times,
    "texts": Texts,
    "numbers": Numbers,
    "unions": Unions,
    "collections": Collections,
    "absences": Absences,
    "list": list[Tree],
    "none": None,
    "producer": dict[str, Delete],
    "2fa": int,
}


def declared() -> Iterable[JobDefinition[object, object]]:
    """Return a job with each of the types as its payload and its result."""
    registry = JobRegistry()
    for name, of in TYPES.items():
        job(name, of, _handler(of), queue="all", registry=registry)  # type: ignore[call-overload]  # pyright: ignore - of any type
    return registry


def _handler(of: object) -> object:
    async def handle(data: object, ctx: object) -> object:
        return data

    handle.__annotations__ = {"return": of}
    return handle
