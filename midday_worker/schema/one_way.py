"""What a schema writes in a form that it doesn't read back, as far as the schema itself shows it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import chain
from typing import Final, TypeAlias, cast
from uuid import UUID

from pydantic.types import EncodedBytes
from pydantic_core import CoreConfig, PydanticSerializationError, SchemaSerializer, SchemaValidator, ValidationError
from pydantic_core import CoreSchema as BuiltSchema

from midday_worker.schema.sample import calls_users, sample_of

CoreSchema: TypeAlias = Mapping[str, object]

_SAMPLES: Final[Mapping[str, object]] = {
    "bytes": b"\xff\xfe",
    "date": date(2001, 2, 3),
    "datetime": datetime(2001, 2, 3, 4, 5, 6, 7000),
    "decimal": Decimal("1.50"),
    "time": time(4, 5, 6),
    "timedelta": timedelta(days=1, seconds=2),
    "uuid": UUID(int=1),
}
"""Values that travel as another type of JSON than their own; how, can be configured."""

_KEY_SAMPLES: Final[Mapping[str, object]] = {**_SAMPLES, "bool": True, "float": 1.5, "int": 1}
"""The keys of an object are text in JSON."""

_OF_ONE_VALUE: Final = frozenset({*_KEY_SAMPLES, "str", "none", "enum", "literal"})

_BYTES: Final = (
    "holds bytes, which its configuration doesn't write as text that comes back; make it a Payload, or set both "
    "ser_json_bytes and val_json_bytes to 'base64'"
)

_APART: Final = (
    "declare one type, or tell its members apart: models and dataclasses by a Literal field of each, with "
    "Field(discriminator=...) on the union"
)

_NO_JSON: Final[Mapping[str, str]] = {
    "callable": "holds a function, which JSON can't",
    "is-instance": "holds objects of a class that pydantic can't make from JSON",
    "is-subclass": "holds a class, which JSON can't",
    "generator": "is read as an iterator, which has its items once; make it a list",
    "json": "is read from JSON within a text, but written as what that holds; declare what it holds",
}

_UNWALKED: Final = ("fields", "computed_fields", "serialization", "metadata", "config")

_ARRAY: Final = ("list", "tuple", "set", "frozenset", "deque", "generator")
_OBJECT: Final = ("dict", "ordered-dict", "counter", "typed-dict", "model", "dataclass")
_TEXT: Final = ("str", "bytes", "date", "datetime", "time", "timedelta", "decimal", "uuid", "url", "multi-host-url")
_NUMBER: Final = ("int", "float")

_WRITTEN: Final[Mapping[str, frozenset[str]]] = {
    **dict.fromkeys(_ARRAY, frozenset({"an array"})),
    **dict.fromkeys(_OBJECT, frozenset({"an object"})),
    **dict.fromkeys(_TEXT, frozenset({"text"})),
    **dict.fromkeys(_NUMBER, frozenset({"a number"})),
    "bool": frozenset({"true or false"}),
    "none": frozenset({"null"}),
}
_READ: Final[Mapping[str, frozenset[str]]] = {
    **_WRITTEN,
    **dict.fromkeys((*_NUMBER, "bool"), frozenset({"a number", "text", "true or false"})),
    **dict.fromkeys(("date", "datetime", "time", "timedelta", "decimal"), frozenset({"a number", "text"})),
}
_ANY: Final = frozenset[str]().union(*_WRITTEN.values())


@dataclass(frozen=True, slots=True)
class _At:
    """Where in a schema one is, and what holds there.

    Attributes:
        name: the field, for the message.
        config: pydantic's, of the nearest model.
        reads: whether it is pydantic alone that reads what is here; a validator of the user's may take any form.
        writes: the same of writing.
        shared: what nodes refer to.
    """

    name: str
    config: CoreSchema
    reads: bool = True
    writes: bool = True
    shared: tuple[CoreSchema, ...] = ()

    def whole(self, node: CoreSchema) -> CoreSchema:
        """Return a node with the definitions that it refers to."""
        return {"type": "definitions", "schema": node, "definitions": list(self.shared)} if self.shared else node


def one_way_fields(schema: CoreSchema, config: CoreSchema) -> Iterator[str]:
    """Yield a description of each part of a core schema that is written in a form that isn't read back."""
    shared = cast("Iterable[CoreSchema]", schema.get("definitions", ()))
    yield from _node(schema, _At("it", config, shared=tuple(shared)))


def _node(node: CoreSchema, at: _At) -> Iterator[str]:
    config = node.get("config")
    if isinstance(config, Mapping):
        at = replace(at, config=cast("CoreSchema", config))
    serialization = node.get("serialization")
    if isinstance(serialization, Mapping):
        serializer = cast("CoreSchema", serialization)
        yield from _serializer(node, serializer, at)
        if serializer["type"] in ("function-plain", "to-string", "format"):
            return
        at = replace(at, writes=False)
    yield from _value(node, at)
    yield from _fields(node, at)
    inner = replace(at, reads=at.reads and node["type"] not in ("function-before", "function-wrap"))
    for child in _children(node):
        yield from _node(child, inner)


def _children(node: CoreSchema) -> Iterator[CoreSchema]:
    """Yield the schemas within a node that JSON is read with, those of fields excepted."""
    if node["type"] == "json-or-python":
        yield cast("CoreSchema", node["json_schema"])
    elif node["type"] == "lax-or-strict":
        yield cast("CoreSchema", node["lax_schema"])
    elif node["type"] == "chain":
        yield cast("list[CoreSchema]", node["steps"])[0]
    else:
        for key, child in node.items():
            if key not in _UNWALKED:
                yield from _schemas(child)


def _schemas(child: object) -> Iterator[CoreSchema]:
    if isinstance(child, Mapping):
        mapping = cast("CoreSchema", child)
        yield from [mapping] if isinstance(mapping.get("type"), str) else _each(mapping.values())
    elif isinstance(child, list | tuple):
        yield from _each(cast("Iterable[object]", child))


def _each(children: Iterable[object]) -> Iterator[CoreSchema]:
    for child in children:
        yield from _schemas(child)


# Values


def _value(node: CoreSchema, at: _At) -> Iterator[str]:
    kind = str(node["type"])
    if kind in _NO_JSON and at.reads:
        yield f"{at.name} {_NO_JSON[kind]}"
    elif kind == "union":
        yield from _union(node, at)
    elif kind == "dict":
        yield from _keys(node, at)
    elif at.writes:
        for sample in _samples(node, _SAMPLES):
            yield from _trip(_bare(node), sample, at)


def _union(node: CoreSchema, at: _At) -> Iterator[str]:
    members = _members(node)
    plain = [_bare(member) for member in members if _is_plain(member)]
    bare: CoreSchema = {"type": "union", "choices": plain}
    found = [_mistaken(bare, member, _samples(member, _SAMPLES), at) for member in plain if member["type"] != "literal"]
    whole = at.whole(node)
    if at.reads and at.writes and not calls_users(whole):
        others = [at.whole(member) for member in members if not _is_plain(member)]
        found += [_mistaken(whole, member, sample_of(member, at.config), at) for member in others]
    yield from (f"{wrong}; {_APART}" for wrong in chain.from_iterable(found))


def _mistaken(union: CoreSchema, member: CoreSchema, samples: Iterable[object], at: _At) -> Iterator[str]:
    """Yield what is wrong if a value of a union's member comes back as one of another's."""
    for sample in samples:
        if not list(_trip(member, sample, at)):  # what fails by itself is told of in its turn
            yield from _trip(union, sample, at)


def _keys(node: CoreSchema, at: _At) -> Iterator[str]:
    members = _members(cast("CoreSchema", node.get("keys_schema", {"type": "any"})))
    for member in members:
        if member["type"] in (*_ARRAY, *_OBJECT):
            yield f"{at.name} has keys of the type {member['type']}, but those of JSON are text"
    if not all(map(_is_plain, members)):
        return
    whole: CoreSchema = {"type": "dict", "keys_schema": {"type": "union", "choices": list(map(_bare, members))}}
    for member in members:
        for sample in [None] if member["type"] == "none" else _samples(member, _KEY_SAMPLES):
            yield from _trip(whole, {sample: None}, at)


def _members(node: CoreSchema) -> list[CoreSchema]:
    """Return the choices of a union, each without its label; of another schema, itself."""
    if node["type"] == "nullable":
        return [*_members(cast("CoreSchema", node["schema"])), {"type": "none"}]
    if node["type"] != "union":
        return [node]
    choices = cast("list[CoreSchema | tuple[CoreSchema, str]]", node["choices"])
    return [choice[0] if isinstance(choice, tuple) else choice for choice in choices]


def _is_plain(node: CoreSchema) -> bool:
    return node["type"] in _OF_ONE_VALUE and "serialization" not in node


def _samples(node: CoreSchema, samples: Mapping[str, object]) -> list[object]:
    if node["type"] == "enum":
        return cast("list[object]", node["members"])
    if node["type"] == "literal":
        return cast("list[object]", node["expected"])
    kind = str(node["type"])
    return [samples[kind]] if kind in samples else []


def _trip(node: CoreSchema, sample: object, at: _At) -> Iterator[str]:
    """Yield what is wrong if a value doesn't come back; nothing in the node calls functions of the user's."""
    built, config = cast("BuiltSchema", node), cast("CoreConfig", at.config)
    try:
        written = SchemaSerializer(built, config).to_python(sample, mode="json", by_alias=True)
        text = json.dumps(written)
    except (PydanticSerializationError, ValueError, TypeError):
        yield f"{at.name} {_BYTES if isinstance(sample, bytes) else f'can be {sample!r}, which JSON has no form for'}"
        return
    if not at.reads:
        return
    validator = SchemaValidator(built, config)
    try:
        back = _first(lambda: validator.validate_python(written), lambda: validator.validate_json(text))
    except ValidationError:
        yield f"{at.name} writes {sample!r} as {written!r}, which it doesn't read"
        return
    if back != sample:
        changed = f"writes {sample!r} as {written!r}, and reads that as {back!r}"
        yield f"{at.name} {_BYTES if isinstance(sample, bytes) and node['type'] == 'bytes' else changed}"


def _first(read: Callable[[], object], otherwise: Callable[[], object]) -> object:
    try:
        return read()
    except ValidationError:
        return otherwise()


def _bare(node: CoreSchema) -> CoreSchema:
    """Return a node of one value without its constraints, which a sample may not keep."""
    if node["type"] in _KEY_SAMPLES:
        return {"type": node["type"]}
    return {key: value for key, value in node.items() if key not in ("ref", "metadata")}


# Serializers


def _serializer(node: CoreSchema, serializer: CoreSchema, at: _At) -> Iterator[str]:
    owner = getattr(serializer.get("function"), "__self__", None)
    # The one mark that pydantic's SecretStr, SecretBytes and Secret[T] have in common.
    if "_serialize_secret" in getattr(serializer.get("function"), "__name__", ""):
        yield f"{at.name} holds a secret, whose dump is asterisks; pass a reference to the secret instead"
    elif isinstance(owner, EncodedBytes) and at.config.get("ser_json_bytes", "utf8") != "utf8":
        yield f"{at.name} is encoded by its type and once more by its configuration; declare it as bytes"
    elif at.reads and not at.config.get("coerce_numbers_to_str"):
        returned: object = {"type": "str"} if serializer["type"] == "to-string" else serializer.get("return_schema")
        written = _forms(cast("CoreSchema", returned or {"type": "any"}), _WRITTEN)
        read = _forms({**node, "serialization": None}, _READ)
        if written.isdisjoint(read):
            yield f"{at.name} is written as {_listed(written)} by its serializer, but read from {_listed(read)}"


def _forms(node: CoreSchema, forms: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Return the types of JSON that a node writes or reads; all of them if it doesn't show."""
    kind = str(node["type"])
    if node.get("serialization") or node.get("root_model"):
        return _ANY
    if kind in forms:
        return forms[kind]
    if kind in ("default", "function-after", "nullable"):
        inner = _forms(cast("CoreSchema", node["schema"]), forms)
        return inner | {"null"} if kind == "nullable" else inner
    return _ANY


def _listed(forms: frozenset[str]) -> str:
    return " or ".join(sorted(forms))


# Fields


def _fields(node: CoreSchema, at: _At) -> Iterator[str]:
    fields = node.get("fields")
    if isinstance(fields, Mapping):
        named = cast("Mapping[str, CoreSchema]", fields)
    elif node["type"] == "dataclass-args":
        named = {str(field["name"]): field for field in cast("list[CoreSchema]", fields)}
    else:
        return
    accepted: set[str] = set()
    for name, field in named.items():
        accepted |= (names := _accepted_names(field.get("validation_alias"), name, at.config))
        inner = replace(at, name=f"field {name!r}")
        yield from _field(field, str(field.get("serialization_alias") or name), names, inner)
        if not field.get("serialization_exclude"):
            yield from _node(cast("CoreSchema", field["schema"]), inner)
    if at.reads:
        yield from _computed(node, accepted, at)


def _field(field: CoreSchema, written: str, accepted: set[str], at: _At) -> Iterator[str]:
    excluded = bool(field.get("serialization_exclude"))
    is_required = field.get("required", True) and cast("CoreSchema", field["schema"])["type"] != "default"
    if not at.reads:
        return
    if is_required and (excluded or "serialization_exclude_if" in field):
        yield f"{at.name} is required but excluded from the dump"
    elif is_required and field.get("init_only"):
        yield f"{at.name} is required but, as an InitVar, not kept"
    elif field.get("init") is False:
        if _extra(at.config) == "forbid":
            yield f"{at.name} is written but, with init=False and extra='forbid', refused when it is read"
    elif written not in accepted and not excluded:
        yield f"{at.name} is written as {written!r} but read as {' or '.join(map(repr, sorted(accepted)))}"


def _computed(node: CoreSchema, accepted: set[str], at: _At) -> Iterator[str]:
    extra = node.get("extra_behavior") or _extra(at.config)
    if extra not in ("forbid", "allow"):
        return
    for field in cast("list[CoreSchema]", node.get("computed_fields", [])):
        if field.get("alias", field["property_name"]) not in accepted:
            what = "refused" if extra == "forbid" else "another field"
            yield (
                f"field {field['property_name']!r} is computed and written, but with extra={extra!r} it is {what} when "
                "it is read; extra='ignore' lets it pass"
            )


def _extra(config: CoreSchema) -> object:
    return config.get("extra_fields_behavior")


def _accepted_names(alias: object, name: str, config: CoreSchema) -> set[str]:
    by_name = config.get("validate_by_name") or config.get("populate_by_name")
    accepted: set[str] = {name} if by_name or alias is None else set()
    if config.get("validate_by_alias") is False:
        return accepted
    if isinstance(alias, str):
        accepted.add(alias)
    elif isinstance(alias, list):
        # AliasChoices come as a list of paths, an AliasPath as one; only a path of one step is a plain key.
        parts = cast("list[object]", alias)
        for path in parts if all(isinstance(part, list) for part in parts) else [parts]:
            steps = cast("list[object]", path)
            accepted.update({steps[0]} if len(steps) == 1 and isinstance(steps[0], str) else ())
    return accepted
