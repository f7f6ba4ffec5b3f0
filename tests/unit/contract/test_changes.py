"""What each kind of change is called, whether it breaks something, and by which value."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Literal, cast

import pytest
from pydantic import (
    AfterValidator,
    AliasChoices,
    AnyUrl,
    AwareDatetime,
    ConfigDict,
    Field,
    HttpUrl,
    PastDate,
    StringConstraints,
    create_model,
    model_validator,
)
from typing_extensions import TypeForm

from midday_worker import JobContext, JobRegistry, Payload, job
from midday_worker.contract.change import NO_SAMPLE, Change
from midday_worker.contract.check import check, contracts_of
from midday_worker.contract.document import Contract
from midday_worker.schema.schema import Schema


class Cat(Payload):
    kind: Literal["cat"]


class Dog(Payload):
    kind: Literal["dog"]


class Tree(Payload):
    children: list[Tree] = Field(default=[])


class NewTree(Payload):
    children: list[NewTree] = Field(default=[], max_length=2)


class Colour(Enum):
    RED = "red"


class MoreColours(Enum):
    RED = "red"
    BLUE = "blue"


def even(number: int) -> int:
    return number


def contracts(payload: object, result: object = object, queue: str = "mail", *, handled: bool = True) -> JobRegistry:
    """Return a registry with one job, whose payload and result have these types."""
    registry = JobRegistry()
    of, returned = cast("TypeForm[object]", payload), cast("TypeForm[object]", result)
    if not handled:
        job("send", of, result=returned, queue=queue, registry=registry)
        return registry

    async def handle(data: object, ctx: JobContext) -> object:
        return data

    handle.__annotations__["return"] = result
    job("send", of, handle, queue=queue, registry=registry)
    return registry


def changes(old: JobRegistry, new: JobRegistry) -> list[Change]:
    return check(new, contracts_of(old, "shop"), "shop")


class Closed(Payload):
    model_config = ConfigDict(extra="forbid")


class Short(Payload):
    model_config = ConfigDict(str_max_length=3)


class Validated(Payload):
    @model_validator(mode="after")
    def check(self) -> Validated:
        return self


def model(base: type[Payload] = Payload, **fields: object) -> type[Payload]:
    """Return a model with these fields: a type each, or a type and a default."""
    given: dict[str, object] = {name: each if isinstance(each, tuple) else (each, ...) for name, each in fields.items()}
    return create_model("Model", __base__=base, **given)  # type: ignore[call-overload,no-any-return]  # pyright: ignore - made here


BREAKING = {
    "a field is added without a default": (model(a=int), model(a=int, b=str), "b", "added without a default"),
    "a field is renamed": (model(user_id=str), model(recipient_id=str), "recipientId", "renamed"),
    "a field loses its default": (model(a=(int, 1)), model(a=int), "a", "no longer optional"),
    "an alias changes": (model(a=(int, Field(alias="x"))), model(a=(int, Field(alias="y"))), "y", "renamed"),
    "an alias is no longer read": (
        model(to=(str, Field(validation_alias=AliasChoices("to", "userId")))),
        model(to=(str, Field(validation_alias=AliasChoices("to", "user")))),
        "to",
        "alias removed",
    ),
    "null is refused": (model(a=int | None), model(a=int), "a", "null refused"),
    "a type changes": (model(a=int), model(a=Cat), "a", "type changed"),
    "a value of a Literal is removed": (model(a=Literal["x", "y"]), model(a=Literal["x"]), "a", "values removed"),
    "a value of an enum is removed": (model(a=MoreColours), model(a=Colour), "a", "values removed"),
    "a text becomes a Literal": (model(a=str), model(a=Literal["x"]), "a", "values removed"),
    "a bound is set": (model(a=int), model(a=Annotated[int, Field(ge=1)]), "a", "narrowed"),
    "a length is bounded": (model(a=str), model(a=Annotated[str, StringConstraints(max_length=3)]), "a", "narrowed"),
    "a list is bounded": (model(a=list[int]), model(a=Annotated[list[int], Field(min_length=1)]), "a", "narrowed"),
    "items are narrowed": (model(a=list[int | None]), model(a=list[int]), "a[]", "null refused"),
    "a field within a field is": (
        model(a=model(b=int)),
        model(a=model(b=int, c=int)),
        "a.c",
        "added without a default",
    ),
    "unknown fields are refused": (
        model(a=int, b=(int, 1)),
        model(Closed, a=int),
        "b",
        "unknown properties refused",
    ),
    "a member of a union goes": (model(a=int | str), model(a=int), "a", "type changed"),
    "a member of a tagged union goes": (
        model(a=Annotated[Cat | Dog, Field(discriminator="kind")]),
        model(a=Cat),
        "a.kind",
        "values removed",
    ),
    "a recursive type is narrowed": (Tree, NewTree, "children", "narrowed"),
    "a text becomes a date": (model(a=str), model(a=datetime), "a", "format changed"),
    "keys of a dictionary are narrowed": (
        model(a=dict[str, int]),
        model(a=dict[int, int]),
        "a.{name}",
        "pattern changed",
    ),
    "a tuple gets longer": (model(a=tuple[int, int]), model(a=tuple[int, int, int]), "a", "narrowed"),
}

UNPROVED = {
    "a validator of the whole is added": (model(a=int), model(Validated, a=int), "", "can't be proved"),
    "all texts are bounded": (model(a=str), model(Short, a=str), "a", "narrowed"),
    "a field within has a validator": (model(b=model(a=int)), model(b=model(Validated, a=int)), "b", "can't be proved"),
    "schemes of a URL are narrowed": (model(a=AnyUrl), model(a=HttpUrl), "a", "narrowed"),
    "a moment needs a zone": (model(a=datetime), model(a=AwareDatetime), "a", "narrowed"),
    "a date has to be in the past": (model(a=date), model(a=PastDate), "a", "narrowed"),
    "a validator is added": (model(a=int), model(a=Annotated[int, AfterValidator(even)]), "a", "can't be proved"),
    "a date is a text": (model(a=AwareDatetime), model(a=str), "a", "can't be proved"),
    "decimals are bounded": (
        model(a=Decimal),
        model(a=Annotated[Decimal, Field(max_digits=4)]),
        "a",
        "narrowed",
    ),
}

SAFE = {
    "a field is added with a default": (model(a=int), model(a=int, b=(str, "x")), "b", "added"),
    "a field is removed": (model(a=int, b=str), model(a=int), "b", "removed"),
    "a field gets a default": (model(a=int), model(a=(int, 1)), "a", "changed"),
    "null is accepted too": (model(a=int), model(a=int | None), "a", "changed"),
    "a member of a union is added": (model(a=int), model(a=int | str), "a", "changed"),
    "a value is added": (model(a=Colour), model(a=MoreColours), "a", "changed"),
    "a Literal becomes a text": (model(a=Literal["x"]), model(a=str), "a", "changed"),
    "a bound goes": (model(a=Annotated[int, Field(ge=1)]), model(a=int), "a", "changed"),
    "a whole number becomes any": (model(a=int), model(a=float), "a", "changed"),
    "a field is read by its old name too": (
        model(user_id=str),
        model(to=(str, Field(validation_alias=AliasChoices("to", "userId"), serialization_alias="to"))),
        "to",
        "added",
    ),
    "a description changes": (model(a=int), model(a=(int, Field(description="how many"))), "a", "described"),
}


@pytest.mark.parametrize(("old", "new", "path", "rule"), BREAKING.values(), ids=BREAKING)
def test_a_payload_that_would_be_refused_is_shown(old: object, new: object, path: str, rule: str) -> None:
    found = [change for change in changes(contracts(old), contracts(new)) if change.breaking]
    assert [(change.path, change.rule) for change in found] == [(path, rule)]
    assert found[0].advice
    assert found[0].sample is not NO_SAMPLE


@pytest.mark.parametrize(("old", "new", "path", "rule"), UNPROVED.values(), ids=UNPROVED)
def test_what_cannot_be_proved_counts_as_breaking(old: object, new: object, path: str, rule: str) -> None:
    found = [change for change in changes(contracts(old), contracts(new)) if change.breaking]
    assert [(change.path, change.rule) for change in found] == [(path, rule)]


@pytest.mark.parametrize(("old", "new", "path", "rule"), SAFE.values(), ids=SAFE)
def test_what_accepts_all_that_was_accepted_is_safe(old: object, new: object, path: str, rule: str) -> None:
    found = changes(contracts(old), contracts(new))
    assert not any(change.breaking for change in found), found
    assert (path, rule) in [(change.path, change.rule) for change in found]


RESULTS: dict[str, tuple[object, object, list[tuple[str, str]]]] = {
    "a field is removed": (model(a=int, b=int), model(a=int), [("b", "removed")]),
    "null is written": (model(a=int), model(a=int | None), [("a", "null written")]),
    "a value is added": (model(a=Colour), model(a=MoreColours), [("a", "values added")]),
    "a type changes": (model(a=int), model(a=str), [("a", "type changed")]),
    "a bound goes": (model(a=Annotated[int, Field(ge=1)]), model(a=int), [("a", "widened")]),
    "a field is added": (model(a=int), model(a=int, b=int), []),
    "a field that is always written gets a default": (model(a=int), model(a=(int, 1)), []),
    "a value is removed": (model(a=MoreColours), model(a=Colour), []),
    "a result is no longer declared": (model(a=int), object, [("", "type changed")]),
    "a result is declared": (object, model(a=int), []),
}


@pytest.mark.parametrize(("old", "new", "broken"), RESULTS.values(), ids=RESULTS)
def test_results_are_judged_the_other_way_round(old: object, new: object, broken: list[tuple[str, str]]) -> None:
    found = [change for change in changes(contracts(None, old), contracts(None, new)) if change.breaking]
    assert [(change.path, change.rule) for change in found] == broken
    assert {change.side for change in found} <= {"result"}


def test_a_job_that_is_run_elsewhere_is_judged_by_what_is_written_to_it_and_read_from_it() -> None:
    old = contracts(model(a=int, b=int), model(c=int | None), handled=False)
    new = contracts(model(a=int), model(c=int), handled=False)
    found = [change for change in changes(old, new) if change.breaking]
    assert [(change.side, change.path, change.rule) for change in found] == [
        ("payload", "b", "removed"),
        ("result", "c", "null refused"),
    ]


def test_a_job_is_compared_as_a_whole() -> None:
    payload = model(a=int)
    moved = changes(contracts(payload), contracts(payload, queue="post"))
    assert [(change.rule, change.breaking) for change in moved] == [("queue changed", True)]
    gone = changes(contracts(payload), JobRegistry())
    assert [(change.rule, change.breaking) for change in gone] == [("job gone", True)]
    new = changes(JobRegistry(), contracts(payload))
    assert [(change.rule, change.breaking) for change in new] == [("new job", False)]
    elsewhere = changes(contracts(payload), contracts(payload, handled=False))
    assert [(change.rule, change.breaking) for change in elsewhere][:1] == [("run elsewhere", True)]
    assert changes(contracts(payload), contracts(payload)) == []


def test_a_contract_is_the_same_text_whatever_the_order_of_fields() -> None:
    one, other = (contracts_of(contracts(of), "shop")["send"] for of in (model(a=int, b=int), model(b=int, a=int)))
    assert one.text() == other.text()
    assert Contract.model_validate_json(one.text()) == one


def test_a_contract_names_what_it_does_not_express() -> None:
    registry = contracts(model(a=Annotated[int, AfterValidator(even)], b=Annotated[Decimal, Field(max_digits=4)]))
    found = contracts_of(registry, "shop")["send"].not_expressed
    assert found == ("payload: a: the validator even", "payload: b: max_digits 4")
    assert Schema(int).json_schema() == {"type": "integer"}
