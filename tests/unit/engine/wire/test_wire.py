"""Options between our form and BullMQ's."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midday_worker import CallOptions
from midday_worker.engine.wire.options import (
    WireOptions,
    attempts_of,
    encode,
    encode_backoff,
    encode_keep,
    encode_on_failure,
    encode_request,
    extras_of,
    fill_in,
    milliseconds_of,
    traced_children,
)
from midday_worker.options import BackoffPolicy, KeepPolicy, ResolvedOptions, check_options, merge
from midday_worker.request import FailurePolicy
from midday_worker.telemetry.tracing.trace_context import TraceContext
from tests.unit.sample import Parcel, pack


def test_what_only_adding_needs_is_left_out_at_bullmqs_default() -> None:
    assert encode(ResolvedOptions()) == {
        "attempts": 3,
        "backoff": {"type": "exponential", "delay": 2_000, "jitter": 0.5},
        "removeOnComplete": {"count": 10_000, "age": 86_400},
        "removeOnFail": {"count": 10_000, "age": 604_800},
        "stackTraceLimit": ResolvedOptions().stack_trace_limit,
        "keepLogs": 1_000,
    }


def test_every_option_has_bullmqs_name() -> None:
    options = check_options(
        {
            "delay": "5s",
            "priority": 3,
            "lifo": True,
            "attempts": 2,
            "backoff": "1s",
            "remove_on_complete": True,
            "remove_on_fail": 5,
            "deduplication": {"id": "a", "ttl": "1s", "extend": True, "replace": True},
            "keep_logs": 4,
            "stack_trace_limit": 1,
            "job_id": "mine",
        },
        call=True,
    )

    assert encode(merge(options)) == {
        "delay": 5_000,
        "priority": 3,
        "lifo": True,
        "attempts": 2,
        "backoff": {"type": "fixed", "delay": 1_000},
        "removeOnComplete": True,
        "removeOnFail": {"count": 5},
        "deduplication": {"id": "a", "ttl": 1_000, "extend": True, "replace": True},
        "keepLogs": 4,
        "stackTraceLimit": 1,
        "jobId": "mine",
    }


@pytest.mark.parametrize(
    ("options", "ours"),
    [({}, None), ({"timeout": "1s"}, {"timeout": 1_000}), ({"timeout": None}, {"timeout": 0})],
)
def test_a_calls_timeout_travels_under_a_key_of_ours(options: CallOptions, ours: dict[str, int] | None) -> None:
    wire = encode_request(pack.node(Parcel(order_id="o1"), **options))

    assert wire.get("midday") == ours
    assert milliseconds_of(extras_of(wire), "timeout") == (None if ours is None else ours["timeout"])


def test_a_trace_travels_as_nodes_add_on_writes_it_with_its_childrens_under_a_key_of_ours() -> None:
    request = pack.node(Parcel(order_id="o1"), timeout="1s")
    traced = encode_request(replace(request, trace=TraceContext("{}", ("00-a", "00-b"))))

    assert traced["tm"] == "{}"
    assert traced["midday"] == {"timeout": 1_000, "children": ["00-a", "00-b"]}
    assert traced_children(traced) == ["00-a", "00-b"]
    assert "tm" not in encode_request(request)
    assert traced_children(encode_request(request)) is None


@pytest.mark.parametrize("ours", [None, 5, {}, {"timeout": "5"}, {"timeout": True}, {"timeout": -1}])
def test_what_is_no_timeout_counts_as_none(ours: object) -> None:
    assert milliseconds_of(extras_of({"midday": ours}), "timeout") is None


@pytest.mark.parametrize(
    ("wire", "attempts"), [({}, 1), ({"attempts": 0}, 1), ({"attempts": "3"}, 1), ({"attempts": 3}, 3)]
)
def test_a_job_is_tried_at_least_once(wire: WireOptions, attempts: int) -> None:
    assert attempts_of(wire) == attempts


@pytest.mark.parametrize(
    ("keep", "wire"),
    [
        (KeepPolicy(), False),
        (KeepPolicy(count=0), True),
        (KeepPolicy(count=3), {"count": 3}),
        (KeepPolicy(age_ms=1_500), {"age": 2}),
        (KeepPolicy(count=3, age_ms=1_000), {"count": 3, "age": 1}),
    ],
)
def test_a_retention_is_a_flag_or_count_and_whole_seconds(keep: KeepPolicy, wire: object) -> None:
    assert encode_keep(keep) == wire


def test_a_backoff_without_jitter_says_nothing_of_it() -> None:
    assert encode_backoff(BackoffPolicy("fixed", 5, 0.0)) == {"type": "fixed", "delay": 5}


@pytest.mark.parametrize(
    ("policy", "option"),
    [
        ("fail", "failParentOnFailure"),
        ("ignore", "ignoreDependencyOnFailure"),
        ("remove", "removeDependencyOnFailure"),
        ("continue", "continueParentOnFailure"),
    ],
)
def test_a_failure_policy_is_bullmqs_option(policy: FailurePolicy, option: str) -> None:
    assert encode_on_failure(policy) == {option: True}


@pytest.mark.parametrize("wire", [{}, {"attempts": 0}, {"attempts": 0, "backoff": None, "timestamp": 5}])
def test_a_job_of_nodes_gets_the_options_that_it_lacks(wire: WireOptions) -> None:
    fill_in(wire, encode(merge(check_options({"attempts": 4, "backoff": "1s", "keep_logs": 7}))))

    assert wire["attempts"] == 4
    assert wire["backoff"] == {"type": "fixed", "delay": 1_000}
    assert wire["removeOnComplete"] == {"count": 10_000, "age": 86_400}
    assert wire["keepLogs"] == 7


def test_what_a_job_of_nodes_says_itself_is_kept() -> None:
    own: WireOptions = {
        "attempts": 1,
        "backoff": {"type": "fixed", "delay": 5},
        "removeOnComplete": False,
        "removeOnFail": True,
        "stackTraceLimit": 2,
        "keepLogs": 3,
    }
    wire = dict(own)

    fill_in(wire, encode(ResolvedOptions()))

    assert wire == own


@pytest.mark.parametrize("option", ["backoff", "removeOnComplete", "removeOnFail", "stackTraceLimit", "keepLogs"])
def test_only_for_attempts_is_zero_as_good_as_absent(option: str) -> None:
    """To Node, `removeOnComplete: 0` removes at once and `stackTraceLimit: 0` keeps no stack."""
    wire: WireOptions = {option: 0}

    fill_in(wire, encode(merge(check_options({"keep_logs": 7}))))

    assert wire[option] == 0


@given(st.integers(0, 10**6), st.integers(0, 2**53 - 1))
def test_an_age_is_never_shortened(count: int, age_ms: int) -> None:
    wire = encode_keep(KeepPolicy(count=count + 1, age_ms=age_ms))

    assert isinstance(wire, dict)
    seconds = wire["age"]
    assert isinstance(seconds, int)
    assert seconds * 1_000 >= age_ms
