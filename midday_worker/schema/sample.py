"""`sample_of`: a value of a part of a schema, made from what it writes as pydantic tells that."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias, cast

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaWarningKind
from pydantic_core import CoreConfig, SchemaValidator
from pydantic_core import CoreSchema as BuiltSchema

CoreSchema: TypeAlias = Mapping[str, object]

_DEEPEST: Final = 20
_TEXTS: Final[Mapping[object, str]] = {
    "date-time": "2001-02-03T04:05:06",
    "date": "2001-02-03",
    "time": "04:05:06",
    "duration": "P1DT2S",
    "uuid": "00000000-0000-0000-0000-000000000001",
    "uri": "https://example.com/",
    "email": "a@example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "ipv4network": "192.0.2.0/24",
    "ipv6network": "2001:db8::/32",
}
_PLAIN: Final[Mapping[object, object]] = {"integer": 1, "number": 1.5, "boolean": True, "null": None}
_PYDANTIC: Final = ("pydantic", "pydantic_core")
_USERS: Final = ("custom_init", "post_init", "computed_fields", "default_factory")


class _Quiet(GenerateJsonSchema):
    """Says nothing of what a JSON schema can't hold: nobody is shown it."""

    def emit_warning(self, kind: JsonSchemaWarningKind, detail: str) -> None:
        """Say nothing."""


def sample_of(node: CoreSchema, config: CoreSchema) -> Iterator[object]:
    """Yield a value that a core schema reads, if one is found without calling functions of the user's."""
    if calls_users(node):
        return
    try:
        form = _Quiet().generate(cast("BuiltSchema", node), mode="serialization")
        text = _json(form, cast("CoreSchema", form.get("$defs", {})), _DEEPEST)
        yield SchemaValidator(cast("BuiltSchema", node), cast("CoreConfig", config)).validate_python(text)
    except Exception:  # what a user has to say of a JSON schema may be or raise anything; a sample can do without it
        return


def calls_users(part: object) -> bool:
    """Return whether to read or write by a part of a core schema calls what is neither pydantic's nor Python's own."""
    if isinstance(part, list | tuple):
        return any(map(calls_users, cast("list[object]", part)))
    if not isinstance(part, Mapping):
        return False
    node = cast("CoreSchema", part)
    function = node.get("function")
    if callable(function):
        known = sys.stdlib_module_names if isinstance(function, type) else _PYDANTIC
        if getattr(function, "__module__", "").partition(".")[0] not in known:
            return True
    return any(node.get(key) for key in _USERS) or any(
        calls_users(child) for key, child in node.items() if key != "metadata"
    )


def _json(form: CoreSchema, shared: CoreSchema, depth: int) -> object:
    """Return JSON values of this JSON schema. Raises LookupError."""
    if not depth:
        raise LookupError
    if "$ref" in form:
        return _json(cast("CoreSchema", shared[str(form["$ref"]).rpartition("/")[2]]), shared, depth - 1)
    if "const" in form:
        return form["const"]
    for several in ("enum", "anyOf", "oneOf"):
        if several in form:
            first = cast("list[object]", form[several])[0]
            return first if several == "enum" else _json(cast("CoreSchema", first), shared, depth - 1)
    kind = form.get("type")
    if kind == "string":
        return _TEXTS.get(form.get("format"), "a")
    if kind == "array":
        return list(_items(form, shared, depth))
    return dict(_members(form, shared, depth)) if kind == "object" else _PLAIN[kind]


def _items(form: CoreSchema, shared: CoreSchema, depth: int) -> Iterator[object]:
    for part in (*cast("list[object]", form.get("prefixItems", [])), form.get("items")):
        if isinstance(part, Mapping):
            yield _json(cast("CoreSchema", part), shared, depth - 1)


def _members(form: CoreSchema, shared: CoreSchema, depth: int) -> Iterator[tuple[str, object]]:
    for name, part in cast("Mapping[str, CoreSchema]", form.get("properties", {})).items():
        yield name, _json(part, shared, depth - 1)
    further = form.get("additionalProperties")
    if isinstance(further, Mapping):
        yield "a", _json(cast("CoreSchema", further), shared, depth - 1)
