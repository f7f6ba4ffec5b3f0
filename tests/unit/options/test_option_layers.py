"""Every option on a queue, a job and a call: what the worker finds, also where a call goes back to BullMQ's default."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Literal, NamedTuple, TypeAlias, cast

import pytest

from midday_worker import CallOptions, JobContext, JobOptions, JobRegistry, QueueRegistry, job, queue
from midday_worker.engine.wire.options import WireOptions, encode, encode_request, extras_of, fill_in, milliseconds_of
from midday_worker.options import ResolvedOptions

Layer: TypeAlias = Literal["queue", "job", "call"]
LAYERS: tuple[Layer, ...] = ("queue", "job", "call")


class Case(NamedTuple):
    """An option with a value, another value, and BullMQ's default; each with what the worker finds then."""

    name: str
    wire_name: str
    values: tuple[object, object, object]
    found: tuple[object, object, object]


CASES = [
    Case("delay", "delay", ("5s", 7, 0), (5_000, 7, None)),
    Case("priority", "priority", (1, 2, 0), (1, 2, None)),
    Case("lifo", "lifo", (True, True, False), (True, True, None)),
    Case("attempts", "attempts", (5, 2, 1), (5, 2, 1)),
    Case(
        "backoff",
        "backoff",
        ({"type": "exponential", "delay": "1s", "jitter": 0.1}, "3s", None),
        (
            {"type": "exponential", "delay": 1_000, "jitter": 0.1},
            {"type": "fixed", "delay": 3_000},
            {"type": "fixed", "delay": 0},
        ),
    ),
    Case("timeout", "timeout", ("5s", 7, None), (5_000, 7, None)),
    Case("retry_on_timeout", "retryOnTimeout", (False, True, True), (False, True, True)),
    Case(
        "deadline",
        "deadline",
        (datetime(2124, 1, 1, tzinfo=UTC), datetime(2124, 1, 2), None),
        (4_859_740_800_000, 4_859_827_200_000, None),
    ),
    Case(
        "remove_on_complete",
        "removeOnComplete",
        (True, {"count": 3, "age": "2s"}, False),
        (True, {"count": 3, "age": 2}, False),
    ),
    Case("remove_on_fail", "removeOnFail", (9, True, False), ({"count": 9}, True, False)),
    Case(
        "deduplication",
        "deduplication",
        ({"id": "a"}, {"id": "b", "ttl": "1s"}, None),
        ({"id": "a"}, {"id": "b", "ttl": 1_000}, None),
    ),
    Case("keep_logs", "keepLogs", (5, 7, 0), (5, 7, 0)),
    Case("stack_trace_limit", "stackTraceLimit", (5, 7, 0), (5, 7, 0)),
    Case("omit_trace_context", "omc", (True, True, False), (True, True, None)),
]


def found(case: Case, set_at: dict[Layer, object]) -> object:
    """Return what a worker finds of the option, for a job that was triggered and stored."""
    given = {layer: {case.name: set_at[layer]} if layer in set_at else {} for layer in LAYERS}
    registry = JobRegistry(QueueRegistry())
    queue("q", registry=registry.queues, **cast("JobOptions", given["queue"]))

    @job("j", queue="q", registry=registry, **cast("JobOptions", given["job"]))
    async def definition(data: int, ctx: JobContext) -> None: ...

    request = definition.node(1, **cast("CallOptions", given["call"]))
    stored = cast("WireOptions", json.loads(json.dumps(encode_request(request))))
    fill_in(stored, encode(definition.options))
    if case.name == "timeout":
        of_call = milliseconds_of(extras_of(stored), "timeout")
        return definition.options.timeout if of_call is None else of_call or None
    if case.name == "retry_on_timeout":
        return extras_of(stored).get("retryOnTimeout", definition.options.retry_on_timeout)
    if case.name == "deadline":
        return milliseconds_of(extras_of(stored), "deadline") or None
    return stored.get(case.wire_name)


def test_every_option_is_in_the_table() -> None:
    elsewhere = {"job_id", "retry_on", "fail_on"}  # of a call only, and not of one
    assert {case.name for case in CASES} == set(ResolvedOptions.__dataclass_fields__) - elsewhere


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_option_counts_wherever_it_is_set(case: Case, layer: Layer) -> None:
    for value, expected in zip(case.values, case.found, strict=True):
        assert found(case, {layer: value}) == expected


@pytest.mark.parametrize(("lower", "upper"), [("queue", "job"), ("queue", "call"), ("job", "call")])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_later_wins_also_with_bullmqs_default(case: Case, lower: Layer, upper: Layer) -> None:
    first, second, neutral = case.values
    assert found(case, {lower: first, upper: second}) == case.found[1]
    assert found(case, {lower: first, upper: neutral}) == case.found[2]
    assert found(case, {lower: neutral, upper: first}) == case.found[0]
