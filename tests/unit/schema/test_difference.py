"""Where two values differ."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated

import pytest
from pydantic import ConfigDict, Field, PlainSerializer

from midday_worker import Payload
from midday_worker.schema.difference import differences
from midday_worker.schema.schema import InvalidValue, Schema


class Line(Payload):
    model_config = ConfigDict(extra="allow")

    unit_price: Annotated[float, PlainSerializer(lambda price: round(price, 2))]
    note: str = Field(default="", exclude=True)


@dataclass
class Order:
    lines: list[Line]
    by_hour: dict[str, tuple[object, ...]] = field(default_factory=lambda: {})
    tags: object = None


@pytest.mark.parametrize(
    ("one", "other", "paths"),
    [
        (1, 2, [""]),
        ((1, 2), [1, 2], [""]),
        ((1, 2), [1, 3], [""]),
        (Line(unit_price=1), {"unitPrice": 2}, [""]),
        ([1, 2], [1, 2, 3], [""]),
        ({"a": {1: "x"}, "b": 1}, {"a": {"1": "x"}, "b": 1}, ["a"]),
        ({"a": [0, {"b": (1,)}], "c": {2}}, {"a": [0, {"b": [1]}], "c": {3}}, ["a.1.b", "c"]),
        (Line(unit_price=1), Line(unit_price=2), ["unitPrice"]),
        (Line.model_validate({"unit_price": 1, "x": [1]}), Line.model_validate({"unit_price": 1, "x": [2]}), ["x.0"]),
        (Order([], {"9": (1, "a")}), Order([], {"9": (1, "b")}), ["by_hour.9.1"]),
        (Order([Line(unit_price=1)]), Order([]), ["lines"]),
        (datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC), [""]),
    ],
)
def test_the_innermost_parts_that_differ_are_found(one: object, other: object, paths: list[str]) -> None:
    assert [path for path, _ in differences(one, other)] == paths


def test_what_is_there_in_the_first_value_is_told() -> None:
    assert list(differences({"a": [5, 6]}, {"a": [5, 7]})) == [("a.1", 6)]


def test_a_value_that_json_changes_is_refused_with_the_first_paths() -> None:
    schema = Schema(Order)
    price, note = Line(unit_price=1.001), Line(unit_price=1, note="fragile")
    order = Order([Line(unit_price=1), price, note], tags=(1, 2))

    with pytest.raises(InvalidValue) as failure:
        schema.check_travels(order, schema.dump(order))
    with pytest.raises(InvalidValue) as many:
        schema.check_travels(Order([price] * 9), schema.dump(Order([price] * 9)))

    assert [problem.path for problem in failure.value.problems] == ["lines.1.unitPrice", "lines.2.note", "tags"]
    assert failure.value.problems[0].value == 1.001
    assert "lines.1.unitPrice: the value doesn't survive JSON: it comes back as another value" in str(failure.value)
    assert len(many.value.problems) == 3


@dataclass(eq=False)
class Compared:
    """Two of the same parts are not equal."""

    amount: int
    price: Annotated[float, PlainSerializer(lambda price: round(price, 2))] = 0.0
    below: list[Compared] = field(default_factory=lambda: [])


def test_dataclasses_that_are_compared_by_identity_are_compared_by_their_parts() -> None:
    schema = Schema(dict[str, Compared])
    value = {"a": Compared(1, 0.5, [Compared(2)])}
    schema.check_travels(value, schema.dump(value))

    value["a"].below[0].price = 0.123
    with pytest.raises(InvalidValue, match=r"^a\.below\.0\.price: "):
        schema.check_travels(value, schema.dump(value))
