"""What travels: payloads, results, reasons, progress and logs."""

from __future__ import annotations

from typing import Final

from tests.integration.conformance.case import Add, Case

UNICODE: Final = 'Åsa 早 🦄 \u0000 \u2028 "quoted" \\ \u007f e\u0301'
MEGABYTE: Final = "é" * 100_000 + "x" * 400_000

VALUES: Final[dict[str, object]] = {
    "null": None,
    "a text": "text",
    "an empty text": "",
    "Unicode": UNICODE,
    "a megabyte": MEGABYTE,
    "true": True,
    "zero": 0,
    "a float": 0.1,
    "the largest safe integer": 2**53 - 1,
    "the smallest safe integer": -(2**53 - 1),
    "a list": [1, None, "two", [], {}],
    "an object": {"a": {"b": [{"c": None}]}, "": 1, "é.ü": False, "__proto__": 1, "constructor": 2},
    "empty": {},
}

RESULTS: Final = tuple(
    Case(
        name=f"{name} as payload and result",
        adds=(Add(tag="a", act={"do": "value", "value": value}),),
        runs=("a",),
        ends={"a": {"state": "completed", "value": value, "attempts": 1}},
    )
    for name, value in VALUES.items()
)

REASONS: Final = tuple(
    Case(
        name=f"{name} as failed reason",
        adds=(Add(tag="a", act={"do": "fail", "message": message}),),
        runs=("a",),
        ends={"a": {"state": "failed", "reason": message, "stacks": 1, "value": None}},
    )
    for name, message in {"a text": "out of stock", "Unicode": UNICODE, "lines": "one\ntwo\n"}.items()
)

STEPS: Final[dict[str, list[object]]] = {
    "a number": [0, 50, 100],
    "a fraction": [33.3],
    "an object": [{"done": 1, "of": {"n": 3}}, {"done": 3, "of": {"n": 3}, "note": UNICODE}],
}

PROGRESS: Final = tuple(
    Case(
        name=f"{name} as progress",
        adds=(Add(tag="a", act={"do": "progress", "steps": steps}),),
        runs=("a",),
        ends={"a": {"state": "completed", "progress": steps[-1], "value": None}},
    )
    for name, steps in STEPS.items()
)

LOGS: Final = (
    Case(
        name="logs",
        adds=(Add(tag="a", act={"do": "log", "lines": ["first", UNICODE, ""]}),),
        runs=("a",),
        ends={"a": {"logs": ["first", UNICODE, ""]}},
    ),
)

VALUE_CASES: Final = (*RESULTS, *REASONS, *PROGRESS, *LOGS)
