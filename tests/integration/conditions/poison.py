"""Payloads and stored jobs that nobody would write on purpose, each with its outcome; `docs/poison.md` states them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

DEEP: Final = 100_000
BROKEN_BYTES: Final = b"\xff\xfe"


def nested(depth: int) -> list[object]:
    """Return a list in a list in a list."""
    value: list[object] = []
    for _ in range(depth):
        value = [value]
    return value


@dataclass(frozen=True, slots=True)
class Payload:
    """What is given to `trigger`, and what becomes of it: the text that is stored, or the words of the refusal."""

    name: str
    value: object
    stored: str | None = None
    refused: str = ""


PAYLOADS: Final = (
    Payload("half a surrogate pair", "\ud800", stored='"\\ud800"'),
    Payload("a NUL", "a\0b", stored='"a\\u0000b"'),
    Payload("NaN", math.nan, refused="not JSON compliant"),
    Payload("infinity in a list", [math.inf], refused="not JSON compliant"),
    Payload("a number beyond 2^53", 2**60 + 1, stored="1152921504606846977"),
    Payload("a number of 400 digits", 10**399, stored="1" + "0" * 399),
    Payload("keys of JavaScript's objects", {"__proto__": {"a": 1}, "constructor": 2}, stored=None),
    Payload("deep nesting", nested(200), stored="[" * 201 + "]" * 201),
    Payload("deeper nesting", nested(1_000), refused="depth exceeded"),
    Payload("bytes in a value of no type", BROKEN_BYTES, refused="doesn't survive JSON"),
    Payload("more than the limit", "x" * 2_000_000, refused="MAX_PAYLOAD_BYTES allows 1,048,576"),
    Payload("keys that JSON makes one", {"1": 1, 1: 2}, refused="comes back as another value"),
)


@dataclass(frozen=True, slots=True)
class Stored:
    """Fields of a job's hash that somebody has overwritten by hand, and what becomes of the job.

    Attributes:
        name: for people.
        fields: what is overwritten.
        received: what the handler gets, where the job runs.
        failed: words of the failed reason, where it doesn't, or can't be settled.
    """

    name: str
    fields: Mapping[str, str | bytes]
    received: object = None
    failed: str = ""


STORED: Final = (
    Stored("data that is not JSON", {"data": "{not json"}, failed="can't be read"),
    Stored("data that is empty", {"data": ""}, failed="can't be read"),
    Stored(
        "data that is not UTF-8", {"data": b'"' + BROKEN_BYTES + b'"'}, failed="data holds bytes that are not UTF-8"
    ),
    Stored("data of 100 MB", {"data": '"' + "x" * 100_000_000 + '"'}, received="x" * 100_000_000),
    Stored("data that is nested deep", {"data": "[" * DEEP + "]" * DEEP}, failed="recursion depth exceeded"),
    Stored("data with half a surrogate pair", {"data": '"\\ud800"'}, received="\ud800"),
    Stored("data with infinity", {"data": "[Infinity]"}, received=[math.inf]),
    Stored("data with a number beyond 2^53", {"data": "1152921504606846977"}, received=2**60 + 1),
    Stored("data with a number of 5,000 digits", {"data": "9" * 5_000}, failed="Exceeds the limit"),
    Stored("data with a key __proto__", {"data": '{"__proto__":{"a":1}}'}, received={"__proto__": {"a": 1}}),
    Stored("options that are not JSON", {"opts": "{not json"}, failed="can't be read"),
    Stored("options that are not UTF-8", {"opts": b'{"a":"' + BROKEN_BYTES + b'"}'}, failed="not UTF-8"),
    Stored("options that are a list", {"opts": "[]"}, failed="can't be read"),
    Stored("options that are null", {"opts": "null"}, failed="can't be read"),
    Stored("options that are nested deep", {"opts": '{"a":' + "[" * DEEP + "]" * DEEP + "}"}, failed="recursion depth"),
    Stored("options with attempts that are a word", {"opts": '{"attempts":"many"}'}, received="fine"),
    Stored("options with a retention of words", {"opts": '{"removeOnComplete":{"count":"x"}}'}, received="fine"),
    Stored("a name that is not UTF-8", {"name": BROKEN_BYTES}, failed="name holds bytes that are not UTF-8"),
    Stored("a count of starts that is a word", {"ats": "many"}, failed="can't be read"),
    Stored("a count of attempts that is a word", {"atm": "many"}, failed="can't be read"),
    Stored("a time that is a word", {"timestamp": "noon"}, failed="can't be read"),
    Stored("a stack that is not JSON", {"stacktrace": "x"}, failed="can't be read"),
    Stored("a parent that is not JSON", {"parent": "x"}, failed="can't settle this job"),
    Stored("a parent's key that is a word", {"parentKey": "nonsense"}, failed="can't settle this job"),
    Stored("a scheduler that does not exist", {"rjk": "nobody"}, received="fine"),
)
