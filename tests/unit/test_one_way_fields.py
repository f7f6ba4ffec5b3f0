"""Schemas with fields that are written in a form that isn't read back: refused at definition."""

from __future__ import annotations

import pytest
from pydantic import AliasChoices, AliasPath, BaseModel, ConfigDict, Field, Secret, SecretBytes, SecretStr
from typing_extensions import TypeForm

from midday_worker import Payload, SchemaError
from midday_worker.schema import Schema


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
        (WithSecret, "it holds a secret"),
        (list[WithSecret], "it holds a secret"),
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
