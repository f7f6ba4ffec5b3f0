"""Random types, what becomes of them when somebody changes the code, and payloads of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import GenericAlias
from typing import Annotated, Literal, Union, cast
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue, StringConstraints, create_model

from midday_worker import Payload

WORDS = ("ant", "bee", "cat", "dog", "elk")
NAMES = ("amount", "done", "kind_of", "label", "owner_id", "when")


@dataclass(frozen=True)
class Property:
    """A property of a model: its type, and whether it has a default."""

    spec: Spec
    default: bool


@dataclass(frozen=True)
class Spec:
    """A type: its kind, bounds, parts, values and properties, as far as the kind has them."""

    kind: str
    low: int | None = None
    high: int | None = None
    parts: tuple[Spec, ...] = ()
    values: tuple[str | int, ...] = ()
    properties: dict[str, Property] = field(default_factory=dict)
    closed: bool = False


SIMPLE = ("integer", "text", "boolean", "number", "day", "moment", "uuid", "decimal", "bytes", "literal")


def random_spec(rng: random.Random, depth: int = 0) -> Spec:
    """Return a type; at the top it is a model."""
    if depth == 0:
        return random_model(rng, depth)
    inner = ("list", "set", "optional", "union", "dict", "tuple", "model", "tagged")
    kind = rng.choice(SIMPLE if depth > 2 or rng.random() < 0.5 else inner)
    low, high = _bounds(rng)
    if kind in SIMPLE:
        return Spec(kind, low, high, values=tuple(rng.sample(WORDS, rng.randint(1, 4))))
    if kind == "model":
        return random_model(rng, depth)
    if kind == "tagged":
        return Spec(kind, parts=tuple(random_model(rng, depth) for _ in range(2)))
    if kind == "set":
        return Spec(kind, low, high, (Spec(rng.choice(("integer", "text"))),))
    parts = tuple(random_spec(rng, depth + 1) for _ in range(2))
    return Spec(kind, low, high, parts)


def random_model(rng: random.Random, depth: int) -> Spec:
    names = rng.sample(NAMES, rng.randint(1, 3))
    properties = {name: Property(random_spec(rng, depth + 1), rng.random() < 0.4) for name in names}
    return Spec("model", properties=properties, closed=rng.random() < 0.15)


def changed(spec: Spec, rng: random.Random) -> Spec:
    """Return a type after a change or two, as people make them; now and then after none."""
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
        spec = _changed(spec, rng)
    return spec


def _changed(spec: Spec, rng: random.Random) -> Spec:
    if spec.kind == "model":
        return _changed_model(spec, rng)
    if spec.parts and rng.random() < 0.6:
        at = rng.randrange(len(spec.parts))
        if spec.kind == "set":
            return replace(spec, low=_bounds(rng)[0])
        return replace(spec, parts=(*spec.parts[:at], _changed(spec.parts[at], rng), *spec.parts[at + 1 :]))
    if spec.kind == "tagged":
        return spec
    if spec.kind == "literal" and rng.random() < 0.7:
        return replace(spec, values=tuple(rng.sample(WORDS, rng.randint(1, 4))))
    ways: list[Callable[[], Spec]] = [
        lambda: Spec("optional", parts=(spec, spec)),
        lambda: Spec("union", parts=(spec, random_spec(rng, 3))),
        lambda: replace(spec, low=_bounds(rng)[0], high=_bounds(rng)[1]),
        lambda: replace(spec, low=None, high=None),
        lambda: spec.parts[0] if spec.parts else random_spec(rng, 3),
        lambda: replace(spec, kind={"integer": "number", "set": "list", "literal": "text"}.get(spec.kind, spec.kind)),
        lambda: Spec("set", spec.low, spec.high, (Spec("text"),)) if spec.kind == "list" else spec,
        lambda: random_spec(rng, 2),
    ]
    return rng.choice(ways)()


def _changed_model(spec: Spec, rng: random.Random) -> Spec:
    name = rng.choice(list(spec.properties))
    held = spec.properties[name]
    rest = {key: value for key, value in spec.properties.items() if key != name}
    ways: list[Callable[[], dict[str, Property]]] = [
        lambda: {**spec.properties, name: Property(_changed(held.spec, rng), held.default)},
        lambda: {**spec.properties, name: Property(_changed(held.spec, rng), held.default)},
        lambda: {**spec.properties, name: replace(held, default=not held.default)},
        lambda: {**spec.properties, rng.choice(NAMES): Property(random_spec(rng, 2), rng.random() < 0.6)},
        lambda: {**rest, f"{name}_2": held},
        lambda: rest or spec.properties,
    ]
    closed = not spec.closed if rng.random() < 0.1 else spec.closed
    return replace(spec, properties=rng.choice(ways)(), closed=closed)


def type_of(spec: Spec) -> object:
    """Return the type that pydantic gets."""
    if spec.kind == "model":
        return _model(spec)
    parts = [type_of(part) for part in spec.parts]
    bounds = Field(min_length=spec.low, max_length=spec.high)
    a, b = [*parts, None, None][:2]
    kinds: dict[str, Callable[[], object]] = {
        "integer": lambda: Annotated[int, Field(ge=spec.low, le=spec.high)],
        "number": lambda: Annotated[float, Field(gt=spec.low, lt=spec.high)],
        "decimal": lambda: Annotated[Decimal, Field(ge=spec.low)],
        "text": lambda: Annotated[str, StringConstraints(min_length=spec.low, max_length=spec.high)],
        "literal": lambda: Literal[spec.values],
        "list": lambda: Annotated[GenericAlias(list, (a,)), bounds],
        "set": lambda: Annotated[GenericAlias(set, (a,)), bounds],
        "dict": lambda: Annotated[GenericAlias(dict, (str, a)), bounds],
        "tuple": lambda: GenericAlias(tuple, (a, b)),
        "optional": lambda: Union[cast("type", a), None],  # noqa: UP007 - made here
        "union": lambda: Union[cast("type", a), cast("type", b)],  # noqa: UP007 - made here
        "tagged": lambda: Annotated[_tagged(spec), Field(discriminator="tag")],
    }
    plain = {"boolean": bool, "day": date, "moment": datetime, "uuid": UUID, "bytes": bytes}
    return plain[spec.kind] if spec.kind in plain else kinds[spec.kind]()


def _tagged(spec: Spec) -> object:
    one, other = (_model(part, tag=WORDS[at]) for at, part in enumerate(spec.parts))
    return Union[one, other]  # noqa: UP007 - made here


def _model(spec: Spec, tag: str | None = None) -> type[Payload]:
    fields: dict[str, object] = {} if tag is None else {"tag": (Literal[tag], tag)}
    for name, each in spec.properties.items():
        fields[name] = (type_of(each.spec), Field(default=None, validate_default=False) if each.default else ...)
    config = ConfigDict(extra="forbid") if spec.closed else ConfigDict()
    base = cast("type[Payload]", type("Base", (Payload,), {"model_config": config, "__module__": __name__}))
    return create_model("Thing", __base__=base, **fields)  # type: ignore[call-overload,no-any-return]  # pyright: ignore - made here


def payload_of(spec: Spec, rng: random.Random) -> JsonValue:
    """Return a payload of a type, nearly always a valid one."""
    if rng.random() < 0.02:
        return rng.choice((None, "", 0, [], {}, True, "ant", -1, 1.5))
    if spec.kind in ("model", "tagged"):
        return _object(spec, rng)
    size = rng.randint(spec.low or 0, max(spec.low or 0, spec.high or 4))
    number = rng.randint(-20 if spec.low is None else spec.low, 20 if spec.high is None else spec.high)
    kinds: dict[str, Callable[[], JsonValue]] = {
        "integer": lambda: number,
        "number": lambda: number + rng.choice((0, 0.5)),
        "decimal": lambda: rng.choice((str(number), number + 0.25, f"{number}.50")),
        "text": lambda: "".join(rng.choice("abc 1\u00e9\U0001f600") for _ in range(size)),
        "literal": lambda: rng.choice(spec.values),
        "boolean": lambda: rng.random() < 0.5,
        "day": lambda: (date(2020, 1, 1) + timedelta(days=rng.randrange(3000))).isoformat(),
        "moment": lambda: datetime.fromtimestamp(rng.randrange(2**31), UTC).isoformat(),
        "uuid": lambda: str(UUID(int=rng.getrandbits(128))),
        "bytes": lambda: rng.choice(("", "AA==", "_-8=", "YWJj")),
        "list": lambda: [payload_of(spec.parts[0], rng) for _ in range(size)],
        "set": lambda: [payload_of(spec.parts[0], rng) for _ in range(size)],
        "dict": lambda: {f"k{at}": payload_of(spec.parts[0], rng) for at in range(size)},
        "tuple": lambda: [payload_of(part, rng) for part in spec.parts],
        "optional": lambda: None if rng.random() < 0.3 else payload_of(spec.parts[0], rng),
        "union": lambda: payload_of(rng.choice(spec.parts), rng),
    }
    return kinds[spec.kind]()


def _object(spec: Spec, rng: random.Random) -> JsonValue:
    if spec.kind == "tagged":
        at = rng.randrange(2)
        return {**cast("dict[str, JsonValue]", _object(spec.parts[at], rng)), "tag": WORDS[at]}
    found: dict[str, JsonValue] = {}
    for name, each in spec.properties.items():
        if not each.default or rng.random() < 0.6:
            head, *rest = name.split("_")
            found[head + "".join(map(str.capitalize, rest))] = payload_of(each.spec, rng)
    return found


def _bounds(rng: random.Random) -> tuple[int | None, int | None]:
    return rng.choice((None, None, 0, 1, 2)), rng.choice((None, None, 3, 4, 6))
