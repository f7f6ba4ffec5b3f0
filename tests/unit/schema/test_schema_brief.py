"""The brief form of a payload, by which a schedule is known."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Literal

import pytest
from pydantic import ConfigDict, Field, RootModel, computed_field
from typing_extensions import TypedDict, TypeForm

from midday_worker import Payload
from midday_worker.schema.schema import JsonValue, Schema


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


class Topic(Payload):
    model_config = ConfigDict(frozen=True)

    name: str
    regions: frozenset[str] = frozenset()


class Topics(RootModel[set[Topic]]):
    pass


class LooseInterests(Payload):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, set[str]]  # pyright: ignore[reportIncompatibleVariableOverride] - as pydantic has it


class Interests(Payload):
    topic_names: set[str] = Field(default={"news"}, alias="topicNames")
    numbers: set[int] = Field(default=set())

    @computed_field  # type: ignore[prop-decorator]  # as pydantic has it
    @property
    def initials(self) -> set[str]:
        return {name[:1] for name in self.topic_names}


@dataclass
class PlainInterests:
    topics: set[str]


class TypedInterests(TypedDict):
    topics: frozenset[str]


NAMES = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"]


@pytest.mark.parametrize(
    ("shape", "path"),
    [
        (set[str], ()),
        (list[frozenset[str]], (0,)),
        (tuple[int, set[str]], (1,)),
        (dict[str, set[str]], ("a",)),
        (Annotated[set[str] | None, Field()], ()),
        (Interests, ("topicNames",)),
        (LooseInterests, ("more",)),
        (PlainInterests, ("topics",)),
        (TypedInterests, ("topics",)),
    ],
)
def test_the_brief_form_of_a_set_is_sorted(shape: TypeForm[object], path: tuple[str | int, ...]) -> None:
    def at(names: list[str]) -> JsonValue:
        wire: JsonValue = list(names)
        for step in reversed(path):
            wire = {step: wire} if isinstance(step, str) else [*([0] * step), wire]
        return wire

    forms = [Schema(shape).brief(at(names)) for names in (NAMES, NAMES[::-1])]
    assert forms[0] == forms[1]
    assert json.dumps(sorted(NAMES)) in json.dumps(forms[0])


def test_the_brief_form_of_a_set_of_models_is_sorted_whatever_is_in_them() -> None:
    topics: list[JsonValue] = [{"name": name, "regions": list(NAMES)} for name in NAMES]
    found = Schema(Topics).brief(topics)
    assert found == [{"name": name, "regions": sorted(NAMES)} for name in sorted(NAMES)]


def test_the_brief_form_of_a_list_keeps_its_order() -> None:
    assert Schema(list[str]).brief(["b", "a"]) == ["b", "a"]


class LaterCircle(Circle):
    locale: str = "en"
    corners: set[str] = Field(default={"n", "e", "s", "w"})


@dataclass
class Ellipse:
    width: int
    kind: Literal["ellipse"] = "ellipse"
    locale: str = "en"


class Polygon(Payload):
    kind: Literal["polygon", "triangle"] = "polygon"
    locale: str = "en"


Tagged = Annotated[LaterCircle | Square | Ellipse | Polygon, Field(discriminator="kind")]


@pytest.mark.parametrize(
    ("given", "brief"),
    [
        ({"kind": "circle", "size": 2}, {"kind": "circle", "size": 2}),
        ({"kind": "square"}, {"kind": "square"}),
        ({"kind": "ellipse", "width": 3}, {"kind": "ellipse", "width": 3}),
        ({"kind": "polygon"}, {"kind": "polygon"}),
        ({"kind": "triangle", "locale": "sv"}, {"kind": "triangle", "locale": "sv"}),
    ],
    ids=str,
)
def test_the_brief_form_of_a_union_s_member_has_its_tag_and_what_is_beside_defaults(
    given: JsonValue, brief: JsonValue
) -> None:
    one, many = Schema[object](Tagged), Schema(list[Tagged])
    assert one.brief(one.dump(one.validate(given))) == brief
    assert many.brief(many.dump(many.validate([given]))) == [brief]
