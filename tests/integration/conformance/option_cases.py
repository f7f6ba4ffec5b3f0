"""The options of jobs: every one of the library's, beside BullMQ's own words for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from midday_worker.options import CallOptions, Retention
from tests.integration.conformance.case import COMPLETED, FAILED, GONE, Add, Case, Fields

FLAKY: Final[Fields] = {"do": "flaky", "until": 3, "message": "not yet"}
ALWAYS: Final[Fields] = {"do": "fail", "message": "never"}
APART_MS: Final = 3
"""So that no two jobs end in the same millisecond: of those BullMQ trims the one with the lesser id."""
FIVE_LINES: Final[Fields] = {"do": "log", "lines": ["1", "2", "3", "4", "5"]}
HOUR_MS: Final = 3_600_000
KEEPS: Final[Sequence[tuple[bool | int | Retention, object, str]]] = (
    (True, True, ""),
    (False, False, "abc"),
    (0, True, ""),
    (2, 2, "bc"),
    (2, {"count": 2}, "bc"),
    ({"count": 1}, {"count": 1}, "c"),
    ({"age": "1h"}, {"age": 3600}, "abc"),
    ({"age": "1h", "count": 2}, {"age": 3600, "count": 2}, "bc"),
)
"""A retention in this library's words and in BullMQ's, and which of three jobs stay."""

ORDER: Final = (
    Case(
        name="delay",
        adds=(
            Add(tag="later", ours={"delay": 200}, theirs={"delay": 200}),
            Add(tag="now"),
        ),
        pending={"later": {"state": "delayed", "delay": 200}, "now": {"state": "waiting", "delay": 0}},
        runs=("now", "later"),
        ends={"later": {"state": "completed", "delay": 0}},
        gaps_ms=((0, None),),
    ),
    Case(
        name="a delay of an hour",
        adds=(Add(tag="a", ours={"delay": "1h", "priority": 2}, theirs={"delay": HOUR_MS, "priority": 2}),),
        pending={"a": {"state": "delayed", "delay": HOUR_MS, "priority": 2}},
    ),
    Case(
        name="priority",
        adds=(
            Add(tag="last", ours={"priority": 2_097_151}, theirs={"priority": 2_097_151}),
            Add(tag="third", ours={"priority": 2}, theirs={"priority": 2}),
            Add(tag="second", ours={"priority": 1}, theirs={"priority": 1}),
            Add(tag="first"),
        ),
        pending={"third": {"state": "prioritized", "priority": 2}, "first": {"state": "waiting", "priority": 0}},
        runs=("first", "second", "third", "last"),
    ),
    Case(
        name="lifo",
        adds=(Add(tag="second"), Add(tag="third"), Add(tag="first", ours={"lifo": True}, theirs={"lifo": True})),
        runs=("first", "second", "third"),
    ),
)

RETRIES: Final = (
    Case(
        name="attempts, used in part",
        adds=(
            Add(tag="a", act=FLAKY, ours={"attempts": 5}, theirs={"attempts": 5}),
            Add(tag="b"),
        ),
        runs=("a", "b", "a", "a"),
        ends={"a": {"state": "completed", "attempts": 3, "value": 3}},
    ),
    Case(
        name="attempts, used up",
        adds=(Add(tag="a", act=ALWAYS, ours={"attempts": 2}, theirs={"attempts": 2}),),
        runs=("a", "a"),
        ends={"a": {"state": "failed", "attempts": 2, "reason": "never"}},
    ),
    Case(
        name="a failure that forbids further attempts",
        adds=(Add(tag="a", act={"do": "final", "message": "no"}, ours={"attempts": 5}, theirs={"attempts": 5}),),
        runs=("a",),
        ends={"a": {"state": "failed", "attempts": 1, "reason": "no"}},
    ),
    Case(
        name="lifo among retries",
        adds=(
            Add(tag="a", act=FLAKY, ours={"attempts": 3, "lifo": True}, theirs={"attempts": 3, "lifo": True}),
            Add(tag="b"),
        ),
        runs=("a", "a", "a", "b"),
    ),
    Case(
        name="fixed backoff",
        adds=(
            Add(
                tag="a",
                act=FLAKY,
                ours={"attempts": 3, "backoff": 150},
                theirs={"attempts": 3, "backoff": {"type": "fixed", "delay": 150}},
            ),
        ),
        runs=("a", "a", "a"),
        gaps_ms=((145, None), (145, None)),
    ),
    Case(
        name="exponential backoff",
        adds=(
            Add(
                tag="a",
                act=FLAKY,
                ours={"attempts": 3, "backoff": {"type": "exponential", "delay": 100}},
                theirs={"attempts": 3, "backoff": {"type": "exponential", "delay": 100}},
            ),
        ),
        runs=("a", "a", "a"),
        gaps_ms=((95, None), (195, None)),
    ),
    Case(
        name="jitter",
        adds=(
            Add(
                tag="a",
                act=FLAKY,
                ours={"attempts": 3, "backoff": {"type": "fixed", "delay": 200, "jitter": 0.5}},
                theirs={"attempts": 3, "backoff": {"type": "fixed", "delay": 200, "jitter": 0.5}},
            ),
        ),
        runs=("a", "a", "a"),
        gaps_ms=((95, None), (95, None)),
    ),
)


def kept(ours: bool | int | Retention, theirs: object, completed: str, *, fail: bool) -> Case:
    """Return the row of a retention; `completed` are the tags of the jobs that stay."""
    options: CallOptions = {"remove_on_fail": ours} if fail else {"remove_on_complete": ours}
    wire = {"removeOnFail": theirs} if fail else {"removeOnComplete": theirs}
    act = {**(ALWAYS if fail else {}), "ms": APART_MS}
    # Node's number is stored as such, and this library's as a count.
    stored = {} if isinstance(theirs, int) and not isinstance(theirs, bool) else wire
    return Case(
        name=f"remove on {'fail' if fail else 'complete'}: {ours!r}, {theirs!r} in Node",
        adds=tuple(Add(tag=tag, act=act, ours=options, theirs=wire, stored=stored) for tag in "abc"),
        runs=("a", "b", "c"),
        ends={tag: (FAILED if fail else COMPLETED) if tag in completed else GONE for tag in "abc"},
    )


KEPT: Final = tuple(
    kept(ours, theirs, completed, fail=fail) for fail in (False, True) for ours, theirs, completed in KEEPS
)

DEDUPLICATION: Final = (
    Case(
        name="deduplication until the job ends",
        adds=(
            Add(tag="a", ours={"deduplication": {"id": "d"}}, theirs={"deduplication": {"id": "d"}}),
            Add(tag="b", ours={"deduplication": {"id": "d"}}, theirs={"deduplication": {"id": "d"}}, stored={}),
        ),
        then=(Add(tag="c", ours={"deduplication": {"id": "d"}}, theirs={"deduplication": {"id": "d"}}),),
        duplicates={"b": "a"},
        pending={"a": {"state": "waiting", "deduplication": "d"}},
        runs=("a", "c"),
    ),
    Case(
        name="deduplication for a time",
        adds=(
            Add(
                tag="a",
                ours={"deduplication": {"id": "d", "ttl": "1h"}},
                theirs={"deduplication": {"id": "d", "ttl": HOUR_MS}},
            ),
        ),
        then=(
            Add(
                tag="b",
                ours={"deduplication": {"id": "d", "ttl": "1h"}},
                theirs={"deduplication": {"id": "d", "ttl": HOUR_MS}},
            ),
        ),
        duplicates={"b": "a"},
        runs=("a",),
    ),
    Case(
        name="deduplication that the newest payload replaces while the job is delayed",
        adds=tuple(
            Add(
                tag=tag,
                act={"do": "value", "value": tag},
                ours={"delay": 300, "deduplication": {"id": "d", "ttl": "1h", "extend": True, "replace": True}},
                theirs={
                    "delay": 300,
                    "deduplication": {"id": "d", "ttl": HOUR_MS, "extend": True, "replace": True},
                },
            )
            for tag in ("old", "new")
        ),
        pending={"old": GONE, "new": {"state": "delayed", "deduplication": "d"}},
        runs=("new",),
        ends={"old": GONE, "new": {"state": "completed", "value": "new"}},
    ),
)

OTHERS: Final = (
    Case(
        name="keep_logs",
        adds=(
            Add(tag="a", act=FIVE_LINES, ours={"keep_logs": 2}, theirs={"keepLogs": 2}),
            Add(tag="b", act=FIVE_LINES),
        ),
        runs=("a", "b"),
        ends={"a": {"logs": ["4", "5"]}, "b": {"logs": ["1", "2", "3", "4", "5"]}},
    ),
    Case(
        name="stack_trace_limit",
        adds=(
            Add(
                tag="a",
                act=ALWAYS,
                ours={"attempts": 3, "stack_trace_limit": 2},
                theirs={"attempts": 3, "stackTraceLimit": 2},
            ),
            Add(tag="none", act=ALWAYS, ours={"stack_trace_limit": 0}, theirs={"stackTraceLimit": 0}),
        ),
        ends={"a": {**FAILED, "stacks": 2}, "none": {**FAILED, "stacks": 0}},
    ),
    Case(
        name="job_id",
        adds=(
            Add(tag="a", ours={"job_id": "invoice-7 é"}, theirs={"jobId": "invoice-7 é"}),
            Add(tag="b", ours={"job_id": "invoice-7 é"}, theirs={"jobId": "invoice-7 é"}),
        ),
        then=(Add(tag="c", ours={"job_id": "invoice-7 é"}, theirs={"jobId": "invoice-7 é"}),),
        duplicates={"b": "a", "c": "a"},
        runs=("a",),
    ),
    Case(
        name="timeout, which Node carries and Python's workers keep",
        adds=(
            Add(
                tag="a",
                act={"ms": 20_000},
                ours={"timeout": 700},
                theirs={"midday": {"timeout": 700}},
            ),
        ),
        ends={"a": {"state": "failed"}},
        runs=("a",),
        workers=("python",),
    ),
    Case(
        name="timeout, which Node's workers don't know",
        adds=(
            Add(
                tag="a",
                act={"do": "value", "ms": 100, "value": "slept"},
                ours={"timeout": 50},
                theirs={"midday": {"timeout": 50}},
            ),
        ),
        ends={"a": {"state": "completed", "value": "slept"}},
        runs=("a",),
        workers=("node",),
    ),
)

OPTION_CASES: Final = (*ORDER, *RETRIES, *KEPT, *DEDUPLICATION, *OTHERS)
