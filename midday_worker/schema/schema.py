"""Schemas: anything pydantic can validate, checked on the way in and dumped by alias on the way out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import islice
from math import inf
from typing import Final, Generic, TypeAlias, TypeVar, cast

from pydantic import BaseModel, ConfigDict, PydanticUndefinedAnnotation, PydanticUserError, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaMode
from pydantic_core import PydanticSerializationError, to_jsonable_python
from typing_extensions import TypeForm

from midday_worker.errors import FieldProblem, SchemaError
from midday_worker.schema.canonical import canonical, text
from midday_worker.schema.difference import differences
from midday_worker.schema.one_way import CoreSchema, one_way_fields

T = TypeVar("T")
ResultT_co = TypeVar("ResultT_co", covariant=True)

JsonValue: TypeAlias = "dict[str, JsonValue] | list[JsonValue] | str | int | float | bool | None"
"""What JSON can hold."""

# Pydantic's own choices change values: NaN of no declared type travels as null, and bytes as text, if they can at all.
_TRAVELLING: Final = ConfigDict(ser_json_inf_nan="constants", ser_json_bytes="base64", val_json_bytes="base64")

_CHANGED: Final = "the value doesn't survive JSON: it comes back as another value"
_SHOWN_DIFFERENCES: Final = 3

_TAGS: Final = (0, 1, inf)
"""How many values a `Literal` may have that is kept as a tag: none, the usual one, any."""


class Payload(BaseModel):
    """A base for payloads and results: snake_case here, camelCase on the wire, both accepted.

    Unknown keys are ignored, as zod strips them. `bytes` travel as base64, in the URL-safe alphabet; both are read. Any
    other pydantic type does as well.

    >>> class Greeting(Payload):
    ...     user_id: str
    >>> Greeting.model_validate({"userId": "u1"}) == Greeting(user_id="u1")
    True
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        ser_json_inf_nan="constants",
        ser_json_bytes="base64",
        val_json_bytes="base64",
    )


class InvalidValue(Exception):
    """A value doesn't match a schema: the problems, by field path."""

    def __init__(self, problems: tuple[FieldProblem, ...]) -> None:
        self.problems = problems
        super().__init__("; ".join(map(str, problems)))


class Schema(Generic[T]):
    """A pydantic type, ready to validate, dump and describe its values.

    Args:
        type_: a model, a dataclass, a `TypedDict`, `list[int]`, an annotated union: whatever pydantic can validate.

    Raises:
        SchemaError: pydantic can't validate this type, or its values can't come back from JSON.
    """

    def __init__(self, type_: TypeForm[T]) -> None:
        self.type = type_
        try:
            self._adapter: TypeAdapter[T] = _adapter(type_)
            # Of a type with names that don't exist this is a stand-in that raises when it is looked at.
            core_schema = cast("CoreSchema", self._adapter.core_schema)
            one_way = list(one_way_fields(core_schema, _TRAVELLING))
            self.is_none = core_schema["type"] == "none"
            """Whether it is the schema of a job without payload."""
        except (PydanticUserError, PydanticUndefinedAnnotation) as error:
            raise SchemaError(f"{type_!r} is not a type that pydantic can validate: {error}") from error
        if one_way:
            raise SchemaError(f"Values of {type_!r} can't travel: {'; '.join(dict.fromkeys(one_way))}.")

    def validate(self, value: object) -> T:
        """Return the parsed value; defaults and coercions applied. Raises InvalidValue."""
        try:
            return self._adapter.validate_python(value)
        except ValidationError as error:
            # Not `from error`: pydantic's text holds values, and tracebacks go to logs and to Redis.
            raise InvalidValue(_problems(error)) from None

    def validate_wire(self, value: object) -> T:
        """Return the parsed value of what JSON held; where there is none, `{}` is none too. Raises InvalidValue."""
        try:
            return self._adapter.validate_python(value)
        except ValidationError:
            if value == {} and self.is_none:  # what BullMQ for Node stores for `queue.add("name")`
                return self._adapter.validate_python(None)
            # A strict schema takes dates, tuples and enums only from JSON, where they can't look otherwise.
            try:
                return self._adapter.validate_json(json.dumps(value))
            except ValidationError as error:
                raise InvalidValue(_problems(error)) from None
            except (TypeError, ValueError, RecursionError) as error:  # what a function has made of it is no JSON
                raise InvalidValue((FieldProblem("", f"no JSON: {error}"),)) from None

    def dump(self, value: T) -> JsonValue:
        """Return the JSON form, by alias. Raises InvalidValue for what JSON can't hold: NaN, a lone type."""
        return self.encode(value)[0]

    def dump_text(self, value: T) -> str:
        """Return the JSON form as text, by alias. Raises InvalidValue for what JSON can't hold."""
        try:
            # What TypeAdapter.dump_json calls, at half the cost.
            text = self._adapter.serializer.to_json(value, by_alias=True).decode()
        except (PydanticSerializationError, ValueError):  # half a surrogate pair among others, which JSON can escape
            return json.dumps(self.dump(value), separators=(",", ":"))
        # Seldom are they words within a text; a number that JSON can't hold raises.
        if "NaN" in text or "Infinity" in text:
            self.dump(value)
        return text

    def encode(self, value: T) -> tuple[JsonValue, int]:
        """Return the JSON form, by alias, and its size in bytes as BullMQ writes it. Raises InvalidValue."""
        try:
            dumped = cast("JsonValue", self._adapter.dump_python(value, mode="json", by_alias=True))
            text = json.dumps(dumped, allow_nan=False, separators=(",", ":"))
        except (PydanticSerializationError, ValueError, TypeError, RecursionError) as error:
            raise InvalidValue((FieldProblem("", f"can't be written as JSON: {error}"),)) from error
        return dumped, len(text)

    def brief(self, dumped: JsonValue) -> JsonValue:
        """Return a dumped value without what is as by default, if that reads back as the same value; else the whole.

        A field that is added to the schema later, with a default, changes nothing of it. Without its tag, which often
        has a default, a member of a union would read back as another one, or not at all: then tags are kept. Sets are
        sorted, as their order is another one in each process.
        """
        try:
            value = self.validate_wire(dumped)
            whole = self.dump(value)
            brief = cast(
                "JsonValue", self._adapter.dump_python(value, mode="json", by_alias=True, exclude_defaults=True)
            )
            same = canonical(value, whole, whole, 0)
            for tags in _TAGS:
                form = canonical(value, brief, whole, tags)
                if self._reads_back(form, same):
                    return form
        except (InvalidValue, PydanticSerializationError):
            return dumped
        return same

    def _reads_back(self, form: JsonValue, same: JsonValue) -> bool:
        try:
            value = self.validate_wire(form)
        except InvalidValue:
            return False
        dumped = self.dump(value)
        return text(canonical(value, dumped, dumped, 0)) == text(same)  # in which 1 is neither true nor 1.0

    def check_travels(self, value: T, dumped: JsonValue) -> None:
        """Raise InvalidValue, with the first paths that differ, unless the dumped value comes back equal."""
        back = self.validate_wire(dumped)
        if back != value:
            found = tuple(islice(differences(value, back), _SHOWN_DIFFERENCES))
            if found:
                raise InvalidValue(tuple(FieldProblem(path, _CHANGED, part) for path, part in found))

    @property
    def adapter(self) -> TypeAdapter[T]:
        """Pydantic's own."""
        return self._adapter

    def json_schema(self) -> dict[str, object]:
        """Return the JSON Schema (draft 2020-12) of what is accepted on the wire."""
        return cast("dict[str, object]", self._adapter.json_schema(by_alias=True))


def joint_json_schema(schemas: Mapping[str, Schema[object]]) -> dict[str, object]:
    """Return one JSON Schema of what any of these accepts; each is titled with its name."""
    inputs = [(name, "validation", schema.adapter) for name, schema in schemas.items()]
    found, shared = TypeAdapter.json_schemas(cast("list[tuple[str, JsonSchemaMode, TypeAdapter[object]]]", inputs))
    options = [{**found[name, "validation"], "title": name} for name in schemas]
    return {"anyOf": options, **({"$defs": shared["$defs"]} if "$defs" in shared else {})}


def _adapter(type_: TypeForm[T]) -> TypeAdapter[T]:
    # TypeAdapter's signature knows classes only; TypeForm is what it takes at run time.
    class_ = cast("type[T]", type_)
    try:
        return TypeAdapter(class_, config=_TRAVELLING)
    except PydanticUserError as error:
        if error.code != "type-adapter-config-unused":
            raise
        return TypeAdapter(class_)  # a model, dataclass or TypedDict has a configuration of its own


def dump_untyped(value: object) -> JsonValue:
    """Return the JSON form of a value of no declared type. Raises InvalidValue."""
    try:
        dumped = cast("JsonValue", to_jsonable_python(value, by_alias=True, bytes_mode="base64"))
        json.dumps(dumped, allow_nan=False)
    except (PydanticSerializationError, ValueError, TypeError, RecursionError) as error:
        raise InvalidValue((FieldProblem("", f"can't be written as JSON: {error}"),)) from error
    return dumped


def _problems(error: ValidationError) -> tuple[FieldProblem, ...]:
    details = error.errors(include_url=False, include_context=False)
    return tuple(
        FieldProblem(".".join(map(str, detail["loc"])), detail["msg"], detail.get("input")) for detail in details
    )
