"""The brief form of a payload, by which a schedule is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import pytest
from pydantic import Field
from typing_extensions import TypedDict, TypeForm

from midday_worker import Payload
from midday_worker.schema import JsonValue, Schema


class Digest(Payload):
    team: str


class LaterDigest(Digest):
    locale: str = "en"


@dataclass
class PlainDigest:
    team: str
    locale: str = "en"


class TypedDigest(TypedDict):
    team: str


class Circle(Payload):
    kind: Literal["circle"] = "circle"
    size: int = 1


class Square(Payload):
    kind: Literal["square"] = "square"
    size: int = 1


class Team(Payload):
    digest: LaterDigest


@pytest.mark.parametrize(
    ("later", "brief"),
    [
        (Digest, {"team": "a"}),
        (LaterDigest, {"team": "a"}),
        (PlainDigest, {"team": "a"}),
        (TypedDigest, {"team": "a"}),
        (list[LaterDigest], [{"team": "a"}]),
        (Team, {"digest": {"team": "a"}}),
    ],
)
def test_the_brief_form_stays_the_same_when_a_field_with_a_default_is_added(
    later: TypeForm[object], brief: JsonValue
) -> None:
    schema = Schema(later)
    assert schema.brief(schema.dump(schema.validate(brief))) == brief


def test_the_brief_form_keeps_what_is_not_as_by_default() -> None:
    assert Schema(LaterDigest).brief({"team": "a", "locale": "sv"}) == {"team": "a", "locale": "sv"}


@pytest.mark.parametrize(
    "shape", [Circle | Square, Annotated[Circle | Square, Field(discriminator="kind")], list[Circle | Square]]
)
def test_the_brief_forms_of_a_union_s_members_differ(shape: TypeForm[object]) -> None:
    schema = Schema(shape)
    forms: list[JsonValue] = [{"kind": "circle", "size": 1}, {"kind": "square", "size": 1}]
    if shape == list[Circle | Square]:
        forms = [[form] for form in forms]
    first, second = map(schema.brief, forms)
    assert first != second
    assert [schema.validate(first), schema.validate(second)] == [schema.validate(form) for form in forms]


def test_the_brief_form_of_what_does_not_read_back_is_the_whole() -> None:
    assert Schema(int).brief("no number") == "no number"


def test_the_brief_forms_of_values_that_only_python_takes_for_equal_differ() -> None:
    class Loose(Payload):
        value: bool | int = 1

    schema = Schema(Loose)
    assert [schema.brief({"value": value}) for value in (1, True)] == [{}, {"value": True}]
