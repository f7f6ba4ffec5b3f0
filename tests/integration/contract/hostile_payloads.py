"""Payloads of a schema, and what becomes of them when something in them is changed."""

from __future__ import annotations

import copy
import random

from pydantic import JsonValue

from midday_worker.contract.json_schema import Node
from midday_worker.contract.samples import samples
from midday_worker.contract.schema_document import SchemaDocument

# No 1.0, which JavaScript doesn't tell from 1, and no character that it counts twice.
_ARRAYS: list[JsonValue] = [[], [1], ["a"], [None], [1, 2], ["2026-01-01", "2026-01-02"], [[]]]
_OBJECTS: list[JsonValue] = [{}, {"a": 1}, {"kind": "email"}, {"type": "b", "s": ""}]
OTHERS: list[JsonValue] = [
    *[None, True, False, 0, 1, -1, 3, 10, 99.5, 0.5, 1e300, 2**60],
    *["", "a", "A1", "12", "true", "null", " ", "\u00e9", "a\n", "\u0663"],
    *["2026-02-30", "2026-02-28", "2026-02-28T10:00:00Z", "2026-02-28T10:00:00+02:00", "P1D"],
    *["EUR", "email", "owner", "a@b.co", "whk_", "12345678-1234-4234-8234-123456789abc", "0" * 40],
    *_ARRAYS,
    *_OBJECTS,
]


def payloads(schema: Node, count: int, rng: random.Random) -> list[JsonValue]:
    """Return payloads: valid ones at the edges of a schema, and ones in which something is other."""
    valid = list(samples(SchemaDocument(schema)))
    assert valid, schema
    found = valid[: count // 2]
    while len(found) < count:
        value = copy.deepcopy(rng.choice(valid))
        for _ in range(rng.choice((1, 1, 2))):
            value = _changed(value, rng)
        found.append(value)
    return found


def _changed(value: JsonValue, rng: random.Random) -> JsonValue:
    if isinstance(value, dict) and value and rng.random() < 0.85:
        key = rng.choice(list(value))
        way = rng.randrange(5)
        if way == 0:
            return {name: part for name, part in value.items() if name != key}
        if way == 1:
            return {**value, rng.choice(("other", key.upper())): rng.choice(OTHERS)}
        return {**value, key: _changed(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.7:
        at = rng.randrange(len(value))
        ways: tuple[list[JsonValue], ...] = (
            [*value[:at], _changed(value[at], rng), *value[at + 1 :]],
            [*value, rng.choice(value)],
            value[:at],
        )
        return rng.choice(ways)
    if isinstance(value, str) and rng.random() < 0.4:
        return rng.choice((f"{value}x", f"{value}\n", value[1:], f" {value}", value.upper()))
    if isinstance(value, int) and not isinstance(value, bool) and rng.random() < 0.4:
        return value + rng.choice((-1, 1, 100))
    return rng.choice(OTHERS)
