"""Schemas: what travels, in which form, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict, TypeForm

from midday_worker import Payload
from midday_worker.errors import SchemaError
from midday_worker.schema.schema import InvalidValue, JsonValue, Schema, dump_untyped


class Colour(Enum):
    RED = "red"


class Item(Payload):
    unit_price: Decimal
    colour: Colour = Colour.RED


class Order(Payload):
    order_id: UUID
    placed_at: datetime
    items: list[Item] = Field(default_factory=lambda: [])
    tags: set[str] = Field(default_factory=lambda: set())
    wait_for: timedelta = timedelta(0)


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)

    day: date
    pair: tuple[int, int]
    colour: Colour


@dataclass
class Point:
    x: int
    y: int = 0


class Address(TypedDict):
    city: str


class Cat(Payload):
    kind: Literal["cat"]
    lives: int


class Dog(Payload):
    kind: Literal["dog"]


Pet: TypeForm[Cat | Dog] = Annotated[Cat | Dog, Field(discriminator="kind")]


class Loose(Payload):
    anything: object


class Unfinished(Payload):
    other: NeverDefined  # type: ignore[name-defined]  # pyright: ignore[reportUndefinedVariable, reportUnknownVariableType]  # noqa: F821 - the mistake


class Tree(Payload):
    children: list[Tree] = Field(default_factory=lambda: [])


ORDER = Order(
    order_id=UUID(int=1),
    placed_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    items=[Item(unit_price=Decimal("1.10"))],
    tags={"a"},
    wait_for=timedelta(minutes=1),
)


def test_a_payload_is_camel_case_on_the_wire() -> None:
    dumped = Schema(Order).dump(ORDER)

    assert dumped == {
        "orderId": "00000000-0000-0000-0000-000000000001",
        "placedAt": "2026-01-02T03:04:05Z",
        "items": [{"unitPrice": "1.10", "colour": "red"}],
        "tags": ["a"],
        "waitFor": "PT1M",
    }
    assert Schema(Order).validate_wire(dumped) == ORDER


def test_a_payload_takes_both_spellings_and_ignores_other_keys() -> None:
    schema = Schema(Item)

    assert schema.validate({"unitPrice": "1", "more": 5}) == schema.validate({"unit_price": 1})


CASES: list[tuple[TypeForm[object], object, JsonValue]] = [
    (list[int], [1, 2], [1, 2]),
    (Point, Point(1), {"x": 1, "y": 0}),
    (Address, {"city": "Umeå"}, {"city": "Umeå"}),
    (Pet, Dog(kind="dog"), {"kind": "dog"}),
    (int | str, "5", "5"),
    (type(None), None, None),
    (tuple[date, ...], (date(2026, 1, 2),), ["2026-01-02"]),
    (dict[Colour, bytes], {Colour.RED: b"\xff"}, {"red": "_w=="}),
    (IPv4Address, IPv4Address("127.0.0.1"), "127.0.0.1"),
    (Tree, Tree(children=[Tree()]), {"children": [{"children": []}]}),
]


@pytest.mark.parametrize(("type_", "value", "dumped"), CASES)
def test_whatever_pydantic_validates_travels(type_: TypeForm[object], value: object, dumped: JsonValue) -> None:
    schema = Schema(type_)

    assert schema.dump(value) == dumped
    assert schema.validate_wire(dumped) == value
    schema.check_travels(value, dumped)


def test_a_strict_schema_reads_dates_tuples_and_enums_from_json() -> None:
    value = Strict(day=date(2026, 1, 2), pair=(1, 2), colour=Colour.RED)
    schema = Schema(Strict)

    assert schema.validate_wire(schema.dump(value)) == value
    with pytest.raises(InvalidValue) as failure:
        schema.validate_wire({"day": "2026-01-02", "pair": ["1", 2], "colour": "red"})
    assert [problem.path for problem in failure.value.problems] == ["pair.0"]


@pytest.mark.parametrize("type_", [None, type(None)])
def test_where_there_is_no_payload_an_empty_object_of_nodes_is_none(type_: TypeForm[None]) -> None:
    schema = Schema(type_)
    assert schema.validate_wire({}) is None
    others: list[JsonValue] = [{"a": 1}, [], "", 0]
    for other in others:
        with pytest.raises(InvalidValue):
            schema.validate_wire(other)
    with pytest.raises(InvalidValue):
        Schema[int | None](int | None).validate_wire({})


def test_each_problem_has_its_fields_path_and_not_the_value() -> None:
    with pytest.raises(InvalidValue) as failure:
        Schema(Order).validate({"orderId": "secret-text", "placedAt": 0, "items": [{"unitPrice": "hidden"}]})

    assert [problem.path for problem in failure.value.problems] == ["orderId", "items.0.unitPrice"]
    assert "secret-text" not in str(failure.value)
    assert "hidden" not in str(failure.value)
    assert str(failure.value).startswith("orderId: Input should be a valid UUID")


def test_a_type_that_pydantic_does_not_know_is_refused() -> None:
    with pytest.raises(SchemaError, match="is not a type that pydantic can validate"):
        Schema(Schema[int])


@pytest.mark.parametrize("type_", [Unfinished, list[Unfinished]])
def test_a_type_with_names_that_do_not_exist_is_refused(type_: TypeForm[object]) -> None:
    with pytest.raises(SchemaError, match=r"Unfinished.* is not fully defined"):
        Schema(type_)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_json_lacks_are_refused(value: float) -> None:
    with pytest.raises(InvalidValue, match="can't be written as JSON"):
        Schema(list[float]).dump([value])
    with pytest.raises(InvalidValue, match="can't be written as JSON"):
        Schema(dict[str, object]).dump({"value": value})
    with pytest.raises(InvalidValue, match="can't be written as JSON"):
        Schema(Loose).dump(Loose(anything=value))
    with pytest.raises(InvalidValue, match="can't be written as JSON"):
        dump_untyped({"value": value})


def test_a_value_of_no_json_form_is_refused() -> None:
    for dump in (Schema(object).dump, dump_untyped):
        with pytest.raises(InvalidValue, match="can't be written as JSON"):
            dump(object())


def test_a_value_that_holds_itself_is_refused() -> None:
    loop: list[object] = []
    loop.append(loop)

    for dump in (Schema(object).dump, dump_untyped):
        with pytest.raises(InvalidValue, match="can't be written as JSON"):
            dump(loop)


@pytest.mark.parametrize("value", [(1, 2), {1: "a"}, {"a": date(2026, 1, 2)}])
def test_a_value_that_comes_back_as_another_is_refused(value: object) -> None:
    schema = Schema(object)

    with pytest.raises(InvalidValue, match="comes back as another value"):
        schema.check_travels(value, schema.dump(value))


def test_results_of_no_declared_type_are_dumped_by_alias() -> None:
    assert dump_untyped({"order": ORDER.items[0], "path": Path("/a"), "set": {1}}) == {
        "order": {"unitPrice": "1.10", "colour": "red"},
        "path": "/a",
        "set": [1],
    }


def test_a_result_of_no_declared_type_may_hold_bytes() -> None:
    assert dump_untyped({"page": b"\xff\xfe"}) == {"page": "__4="}


def test_the_json_schema_has_the_names_of_the_wire() -> None:
    described = Schema(Item).json_schema()

    assert described["required"] == ["unitPrice"]


ITEMS = st.fixed_dictionaries({"unitPrice": st.decimals(-(10**9), 10**9, places=2)})
ORDERS = st.fixed_dictionaries(
    {
        "orderId": st.uuids(),
        "placedAt": st.datetimes(timezones=st.just(UTC)),
        "items": st.lists(ITEMS, max_size=3),
        "tags": st.sets(st.text(max_size=5), max_size=3),
        "waitFor": st.timedeltas(timedelta(0), timedelta(days=9999)),
    }
)


@given(ORDERS.map(Order.model_validate))
def test_every_payload_comes_back_equal(order: Order) -> None:
    schema = Schema(Order)

    schema.check_travels(order, schema.dump(order))
