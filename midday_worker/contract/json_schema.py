"""`schema_of`: the JSON Schema of a type, with what pydantic checks and its own generator leaves out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal, TypeAlias, cast

from pydantic import JsonValue, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import CoreSchema, core_schema, to_jsonable_python

Node: TypeAlias = Mapping[str, JsonValue]
"""A JSON Schema, or a part of one."""

Mode: TypeAlias = Literal["validation", "serialization"]
"""What is accepted, or what is written."""

CHECKS: Final = "x-checks"
"""Our keyword for what a value has to fulfil and JSON Schema has no word for: what is asked, and of what."""
ALIASES: Final = "x-aliases"
"""Our keyword for the other names by which a property is read."""
VALIDATORS: Final = "x-validators"
"""Our keyword for functions that check or change a value."""
UNKNOWN: Final = "x-unknown"
"""Our keyword for a type that JSON Schema can't describe."""
OWN: Final = (CHECKS, ALIASES, VALIDATORS, UNKNOWN)

_MOMENTS: Final = ("date", "datetime", "time", "timedelta")
_BOUNDS: Final = ("ge", "gt", "le", "lt")
_CHECKED: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(_MOMENTS, (*_BOUNDS, "tz_constraint", "now_op", "microseconds_precision")),
    "decimal": (*_BOUNDS, "multiple_of", "max_digits", "decimal_places", "allow_inf_nan"),
    "str": ("strip_whitespace", "to_lower", "to_upper"),
    "url": ("allowed_schemes", "host_required"),
    "multi-host-url": ("allowed_schemes", "host_required"),
    "uuid": ("version",),
}
"""What pydantic checks of a value and doesn't write, by its names."""

_KEYS: Final[Mapping[str, JsonSchemaValue]] = {
    "int": {"pattern": r"^[-+]?\d+$"},
    "float": {"pattern": r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$"},
    "bool": {"enum": ["false", "true"]},
    **{kind: {"format": kind} for kind in ("decimal", "date", "time", "bytes")},
    "datetime": {"format": "date-time"},
    "timedelta": {"format": "duration"},
}
"""What a key of an object may be, for those keys of a dictionary that pydantic leaves without a word."""

_FUNCTIONS: Final = ("function-before", "function-after", "function-wrap", "function-plain")


class ContractJsonSchema(GenerateJsonSchema):
    """Pydantic's generator, by alias, which leaves nothing out that decides whether a value is accepted."""

    def generate_inner(self, schema: CoreSchema) -> JsonSchemaValue:  # pyright: ignore[reportIncompatibleMethodOverride] - it takes fields too, which are none of ours
        """Return the schema of a part, with our keywords."""
        return {**super().generate_inner(schema), **dict(_beside(schema, self.mode))}

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        """Return what a decimal is: text, and a number too where it is read."""
        found = super().decimal_schema(schema)
        text: JsonSchemaValue = {"type": "string", "format": "decimal"}
        if self.mode == "serialization":
            return text
        members = cast("list[JsonSchemaValue]", found.get("anyOf", []))
        return {"anyOf": [*(member for member in members if member.get("type") == "number"), text]}

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """Return what a dictionary is, its keys included."""
        found = super().dict_schema(schema)
        names = _KEYS.get(schema.get("keys_schema", {"type": "any"})["type"])
        if names is not None:
            found = {"propertyNames": names, **found}
        # A key that no pattern matches is refused.
        return {"additionalProperties": False, **found} if "patternProperties" in found else found

    def model_field_schema(self, schema: core_schema.ModelField) -> JsonSchemaValue:
        """Return what a field is, with the other names by which it is read."""
        found = super().model_field_schema(schema)
        others = _other_names(schema.get("validation_alias"))
        return {**found, ALIASES: others} if others and self.mode == "validation" else found

    def field_is_required(
        self, field: core_schema.ModelField | core_schema.DataclassField | core_schema.TypedDictField, total: bool
    ) -> bool:
        """Return whether a field is always there: one with a default always is where values are written."""
        if self.mode == "serialization" and field["type"] != "typed-dict-field":
            return field.get("serialization_exclude_if") is None
        return super().field_is_required(field, total)

    def field_title_should_be_set(self, schema: object) -> bool:
        """Return False: a title made of a field's name says nothing."""
        return False

    def handle_invalid_for_json_schema(self, schema: object, error_info: str) -> JsonSchemaValue:
        """Return a schema that says what it doesn't."""
        return {UNKNOWN: error_info}

    def emit_warning(self, kind: object, detail: str) -> None:
        """Leave it: a default that JSON can't hold is missing, and with it nothing that decides."""


def schema_of(adapter: TypeAdapter[object], mode: Mode) -> dict[str, JsonValue]:
    """Return the JSON Schema (draft 2020-12) of what a type accepts or writes, the same for the same type."""
    found = ContractJsonSchema(by_alias=True).generate(adapter.core_schema, mode=mode)
    return cast("dict[str, JsonValue]", _in_order(to_jsonable_python(found)))


def _in_order(node: JsonValue) -> JsonValue:
    """Return a schema in which the order of fields in the code makes no difference."""
    if isinstance(node, list):
        return [_in_order(item) for item in node]
    if not isinstance(node, dict):
        return node
    ordered = {key: _in_order(node[key]) for key in sorted(node)}
    if isinstance(node.get("required"), list):
        ordered["required"] = cast("list[JsonValue]", sorted(cast("list[str]", node["required"])))
    return ordered


def _beside(own: Mapping[str, object], mode: Mode) -> Iterator[tuple[str, JsonValue]]:
    asked = _asked(own)
    if asked and mode == "validation":
        yield CHECKS, cast("JsonValue", to_jsonable_python(asked, fallback=str))
    if own["type"] in _FUNCTIONS and mode == "validation":
        function = cast("Mapping[str, object]", own["function"])["function"]
        if not _is_pydantic(function):
            yield VALIDATORS, [getattr(function, "__qualname__", repr(type(function)))]
    written = cast("Mapping[str, object]", own.get("serialization") or {})
    if mode == "serialization" and "return_schema" not in written and not _is_pydantic(written.get("function")):
        yield UNKNOWN, f"what {getattr(written['function'], '__qualname__', 'a function')} writes, of no declared type"


def _asked(schema: Mapping[str, object]) -> dict[str, object]:
    inner = schema.get("schema")
    if schema["type"] == "function-wrap" and isinstance(inner, dict):
        inner = cast("Mapping[str, object]", inner)
        # Pydantic's own classes of URLs write their schemas themselves.
        return _asked(inner) if inner["type"] in ("url", "multi-host-url") else {}
    kind = cast("str", schema["type"])
    found = {name: schema[name] for name in _CHECKED.get(kind, ()) if schema.get(name) is not None}
    if found.get("allow_inf_nan") is False:  # as JSON has it
        del found["allow_inf_nan"]
    if found.get("microseconds_precision") == "truncate":  # the default
        del found["microseconds_precision"]
    return found


def _is_pydantic(function: object) -> bool:
    """Return whether a function is none of the user's own."""
    return function is None or getattr(function, "__module__", "pydantic").startswith("pydantic")


def _other_names(alias: object) -> list[JsonValue]:
    if not isinstance(alias, list):
        return []
    paths = cast("list[list[str | int] | str | int]", alias)
    several = [path for path in paths if isinstance(path, list)]
    return [path[0] for path in several[1:] if len(path) == 1]
