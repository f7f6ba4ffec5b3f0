"""Schemas with fields that are written in a form that isn't read back: refused at definition."""

from __future__ import annotations

import re
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import InitVar, dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, Flag, IntEnum
from fractions import Fraction
from ipaddress import IPv4Address, IPv6Network
from pathlib import Path
from re import Pattern
from typing import Annotated, Literal, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasPath,
    Base64Bytes,
    Base64Str,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    HttpUrl,
    IPvAnyAddress,
    Json,
    PlainSerializer,
    Secret,
    SecretBytes,
    SecretStr,
    WrapSerializer,
    computed_field,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic.dataclasses import dataclass as checked_dataclass
from typing_extensions import TypedDict, TypeForm

from midday_worker import Payload
from midday_worker.errors import SchemaError
from midday_worker.schema.schema import Schema


class OneSided(BaseModel):
    name: str = Field(validation_alias="n")


class OneSidedOut(BaseModel):
    name: str = Field(serialization_alias="n")


class Choices(BaseModel):
    name: str = Field(validation_alias=AliasChoices("n", "m"), serialization_alias="name")


class Nested(BaseModel):
    name: str = Field(validation_alias=AliasPath("outer", "name"))


class Excluded(BaseModel):
    name: str = Field(exclude=True)


class Holder(BaseModel):
    inner: list[dict[str, OneSided]]


class WithSecret(Payload):
    password: SecretStr | None = None


@pytest.mark.parametrize(
    ("type_", "reason"),
    [
        (SecretStr, "it holds a secret, whose dump is asterisks"),
        (SecretBytes, "it holds a secret"),
        (Secret[int], "it holds a secret"),
        (WithSecret, "field 'password' holds a secret"),
        (list[WithSecret], "field 'password' holds a secret"),
        (OneSided, "field 'name' is written as 'name' but read as 'n'"),
        (OneSidedOut, "field 'name' is written as 'n' but read as 'name'"),
        (Choices, "field 'name' is written as 'name' but read as 'm' or 'n'"),
        (Nested, "field 'name' is written as 'name' but read as "),
        (Excluded, "field 'name' is required but excluded from the dump"),
        (Holder, "field 'name' is written as 'name' but read as 'n'"),
    ],
)
def test_a_schema_whose_dump_does_not_come_back_is_refused(type_: TypeForm[object], reason: str) -> None:
    with pytest.raises(SchemaError) as failure:
        Schema(type_)

    assert reason in str(failure.value)
    assert "can't travel" in str(failure.value)


class Twice(BaseModel):
    first: str = Field(validation_alias="a")
    second: str = Field(validation_alias="b")


def test_all_fields_that_do_not_come_back_are_named() -> None:
    with pytest.raises(SchemaError, match=r"field 'first' is written .*; field 'second' is written as 'second'"):
        Schema(Twice)


class BothSided(BaseModel):
    name: str = Field(alias="n")


class ByName(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    name: str = Field(validation_alias="n")


class ChosenBack(BaseModel):
    name: str = Field(validation_alias=AliasChoices("n", "m"), serialization_alias="m")


class ExcludedDefault(BaseModel):
    name: str = Field(default="x", exclude=True)


@pytest.mark.parametrize("type_", [BothSided, ByName, ChosenBack, ExcludedDefault])
def test_an_alias_that_is_read_back_is_accepted(type_: type[BaseModel]) -> None:
    value = type_.model_validate({"n": "x"})
    schema = Schema(type_)

    assert schema.validate_wire(schema.dump(value)) == value


NO_TEXT = b"\xfb\xff\xfe"
"""In base64 it needs what the two alphabets write differently."""


class Bytes(BaseModel):
    data: bytes


@dataclass
class BytesHolder:
    data: bytes


class BytesDict(TypedDict):
    data: bytes


class Holding(Payload):
    """A `Payload`'s configuration isn't that of what it holds."""

    inner: Bytes


class HalfBase64(BaseModel):
    model_config = ConfigDict(ser_json_bytes="base64")

    data: bytes | None = None


class EncodedTwice(Payload):
    data: Base64Bytes


class Forbids(BaseModel):
    model_config = ConfigDict(extra="forbid")

    net: int

    @computed_field
    def gross(self) -> int:
        return self.net * 2


class Allows(Forbids):
    model_config = ConfigDict(extra="allow")


@checked_dataclass(config=ConfigDict(extra="forbid"))
class NotInInit:
    x: int
    y: int = field(init=False, default=3)


@dataclass
class InitOnly:
    x: int
    factor: InitVar[int]


class AsList(BaseModel):
    x: int

    @model_serializer
    def listed(self) -> list[int]:
        return [self.x]


class AsListInside(BaseModel):
    inner: AsList


class WithFieldSerializer(BaseModel):
    tags: list[str]

    @field_serializer("tags")
    def joined(self, tags: list[str]) -> str:
        return ",".join(tags)


class Milliseconds(BaseModel):
    model_config = ConfigDict(ser_json_temporal="milliseconds")

    wait: timedelta


class OnlyByName(BaseModel):
    model_config = ConfigDict(validate_by_name=True, validate_by_alias=False)

    name: str = Field(alias="n")


class SometimesExcluded(BaseModel):
    name: str = Field(exclude_if=lambda name: not name)


@dataclass
class AliasedDataclass:
    name: str = Field(validation_alias="n")


class Opaque:
    pass


class Arbitrary(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    opaque: Opaque


class Pair(Enum):
    ONE = (1, 2)


class Odd(Enum):
    ONE = object()


@pytest.mark.parametrize(
    ("type_", "reason"),
    [
        (Bytes, "field 'data' holds bytes, which its configuration doesn't write as text that comes back; make it a"),
        (list[Bytes], "field 'data' holds bytes"),
        (BytesHolder, "field 'data' holds bytes"),
        (BytesDict, "field 'data' holds bytes"),
        (Holding, "field 'data' holds bytes"),
        (HalfBase64, "field 'data' holds bytes"),
        (EncodedTwice, "field 'data' is encoded by its type and once more by its configuration"),
        (bytes | str, "it writes b'\\xff\\xfe' as '__4=', and reads that as '__4='"),
        (datetime | str, "it writes datetime.datetime(2001, 2, 3, 4, 5, 6, 7000) as '2001-02-03T04:05:06.007000', and"),
        (Literal[b"x"], "it writes b'x' as 'eA==', which it doesn't read"),
        (Forbids, "field 'gross' is computed and written, but with extra='forbid' it is refused when it is read"),
        (Allows, "field 'gross' is computed and written, but with extra='allow' it is another field when it is read"),
        (NotInInit, "field 'y' is written but, with init=False and extra='forbid', refused when it is read"),
        (InitOnly, "field 'factor' is required but, as an InitVar, not kept"),
        (AsList, "it is written as an array by its serializer, but read from an object"),
        (AsListInside, "field 'inner' is written as an array by its serializer, but read from an object"),
        (WithFieldSerializer, "field 'tags' is written as text by its serializer, but read from an array"),
        (Annotated[UUID, PlainSerializer(lambda u: u.int, int)], "it is written as a number by its serializer, but"),
        (Annotated[str, WrapSerializer(lambda v, n: len(v), return_type=int)], "it is written as a number by its"),
        (Milliseconds, "field 'wait' writes datetime.timedelta(days=1, seconds=2) as 86402000.0, and reads that as"),
        (OnlyByName, "field 'name' is written as 'n' but read as 'name'"),
        (SometimesExcluded, "field 'name' is required but excluded from the dump"),
        (AliasedDataclass, "field 'name' is written as 'name' but read as 'n'"),
        (Arbitrary, "field 'opaque' holds objects of a class that pydantic can't make from JSON"),
        (Callable[[], None], "it holds a function"),
        (type[int], "it holds a class"),
        (Iterable[int], "it is read as an iterator"),
        (Json[int], "it is read from JSON within a text, but written as what that holds"),
        (Pair, "it writes <Pair.ONE: (1, 2)> as [1, 2], which it doesn't read"),
        (list[Odd], "it can be <Odd.ONE: <object object"),
        (dict[tuple[int, int], str], "it has keys of the type tuple, but those of JSON are text"),
        (dict[int | str, str], "it writes {1: None} as {'1': None}, and reads that as {'1': None}"),
        (dict[str | None, str], "it writes {None: None} as {'None': None}, and reads that as {'None': None}"),
    ],
)
def test_a_schema_whose_values_do_not_come_back_is_refused_with_the_reason(
    type_: TypeForm[object], reason: str
) -> None:
    with pytest.raises(SchemaError) as failure:
        Schema(type_)

    assert f"can't travel: {reason}" in str(failure.value)


class Computed(Payload):
    net: int

    @computed_field
    def gross(self) -> int:
        return self.net * 2


class DropsComputed(Forbids):
    @model_validator(mode="before")
    @classmethod
    def drop(cls, data: dict[str, object] | Forbids) -> object:
        return {"net": data["net"]} if isinstance(data, dict) else data


class Split(WithFieldSerializer):
    @field_validator("tags", mode="before")
    @classmethod
    def split(cls, tags: object) -> object:
        return tags.split(",") if isinstance(tags, str) else tags


class Hex(BaseModel):
    model_config = ConfigDict(ser_json_bytes="hex", val_json_bytes="hex")

    data: bytes


class StrictTime(BaseModel):
    model_config = ConfigDict(strict=True)

    at: datetime
    data: Annotated[bytes, Field(max_length=1)] = Field(default=b"", exclude=True)


class StrictPayload(Payload):
    model_config = ConfigDict(strict=True)

    data: bytes
    at: datetime


class Number(IntEnum):
    ONE = 1


class Bits(Flag):
    ONE = 1
    TWO = 2


class Named(NamedTuple):
    data: bytes


class Node(Payload):
    data: bytes
    below: list[Node] = Field(default_factory=lambda: [])


HexInt = Annotated[int, PlainSerializer(hex, str), BeforeValidator(lambda v: int(v, 16) if isinstance(v, str) else v)]


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (bytes, NO_TEXT),
        (list[bytes], [NO_TEXT]),
        (dict[bytes, bytes | None], {NO_TEXT: NO_TEXT}),
        (Named, Named(NO_TEXT)),
        (list[BytesHolder], [BytesHolder(NO_TEXT)]),
        (Node, Node(data=NO_TEXT, below=[Node(data=b"")])),
        (StrictPayload, StrictPayload(data=NO_TEXT, at=datetime(2026, 1, 2, tzinfo=UTC))),
        (Hex, Hex(data=NO_TEXT)),
        (Computed, Computed(net=1)),
        (DropsComputed, DropsComputed(net=1)),
        (Split, Split(tags=["a", "b"])),
        (HexInt, 255),
        (StrictTime, StrictTime(at=datetime(2026, 1, 2, tzinfo=UTC))),
        (Annotated[int, PlainSerializer(str)], 5),
        (Annotated[datetime, PlainSerializer(lambda v: v.timestamp(), float)], datetime(2026, 1, 2, tzinfo=UTC)),
        (Annotated[date, Field(gt=date(2020, 1, 1))], date(2026, 1, 2)),
        (Annotated[Decimal, AfterValidator(abs)], Decimal(1)),
        (datetime | int | None, datetime(2026, 1, 2, 3)),
        (Annotated[datetime | Literal["now"], Field()], "now"),
        (int | str, "5"),
        (int | float | bool, True),
        (Number, Number.ONE),
        (dict[Number, int], {Number.ONE: 1}),
        (Bits, Bits.ONE | Bits.TWO),
        (dict[date, int], {date(2026, 1, 2): 1}),
        (dict[bool, time], {True: time(1)}),
        (dict[Literal["a", "b"], int], {"a": 1}),
        (Base64Str, "foo"),
        (ByteSize, ByteSize(1024)),
        (HttpUrl, HttpUrl("http://a.b/")),
        (IPvAnyAddress, IPv4Address("127.0.0.1")),
        (IPv6Network, IPv6Network("::/64")),
        (Path, Path("a")),
        (Fraction, Fraction(1, 3)),
        (ZoneInfo, ZoneInfo("UTC")),
        (Pattern[str], re.compile("a")),
        (complex, 1 + 2j),
        (deque[int], deque([1])),
        (Counter[str], Counter("ab")),
        (defaultdict[str, list[int]], {"a": [1]}),
        (OrderedDict[str, int], OrderedDict({"a": 1})),
        (Sequence[int], [1]),
        (Mapping[str, int], {"a": 1}),
        (AbstractSet[int], frozenset({1})),
        (frozenset[tuple[int, date]], frozenset({(1, date(2026, 1, 2))})),
    ],
    ids=lambda part: re.sub(r" at 0x\w+", "", str(part)),  # the same in each process of a run
)
def test_a_schema_whose_values_come_back_is_accepted(type_: TypeForm[object], value: object) -> None:
    schema = Schema(type_)

    schema.check_travels(value, schema.dump(value))
    assert schema.validate_wire(schema.dump(value)) == value


@pytest.mark.parametrize("written", ["-__-", "+//+"])
def test_bytes_are_read_in_both_alphabets_of_base64(written: str) -> None:
    schema = Schema(Node)

    assert schema.validate_wire({"data": written}) == Node(data=NO_TEXT)
    assert schema.dump(Node(data=NO_TEXT)) == {"data": "-__-", "below": []}
