"""Options: what each accepts, what is said about the rest, and who wins."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import fields
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midday_worker import OptionError, job, queue
from midday_worker.definition.definition_options import DefinitionOptions
from midday_worker.errors import DurationError
from midday_worker.options import (
    MAX_PRIORITY,
    BackoffPolicy,
    DeduplicationPolicy,
    KeepPolicy,
    ResolvedOptions,
    TriggerOptions,
    check_options,
    merge,
    unknown,
)
from tests.unit.sample import pack


@pytest.mark.parametrize(
    ("name", "value", "checked"),
    [
        ("delay", "5s", 5_000),
        ("delay", 0, 0),
        ("delay", timedelta(days=3), 259_200_000),
        ("priority", 0, 0),
        ("priority", MAX_PRIORITY, MAX_PRIORITY),
        ("lifo", True, True),
        ("attempts", 1, 1),
        ("backoff", "5s", BackoffPolicy("fixed", 5_000)),
        ("backoff", None, BackoffPolicy("fixed", 0)),
        ("backoff", {"type": "exponential", "delay": 10}, BackoffPolicy("exponential", 10)),
        ("backoff", {"type": "fixed", "delay": "1s", "jitter": 1}, BackoffPolicy("fixed", 1_000, 1.0)),
        ("timeout", None, None),
        ("timeout", "1m", 60_000),
        ("remove_on_complete", True, KeepPolicy(count=0)),
        ("remove_on_complete", False, KeepPolicy()),
        ("remove_on_complete", 0, KeepPolicy(count=0)),
        ("remove_on_fail", 5, KeepPolicy(count=5)),
        ("remove_on_fail", {"age": "1d"}, KeepPolicy(age_ms=86_400_000)),
        ("remove_on_fail", {"count": 5, "age": 1_000}, KeepPolicy(count=5, age_ms=1_000)),
        ("deduplication", None, None),
        ("deduplication", {"id": "a"}, DeduplicationPolicy("a")),
        (
            "deduplication",
            {"id": "a", "ttl": "1s", "extend": True, "replace": True},
            DeduplicationPolicy("a", 1_000, extend=True, replace=True),
        ),
        ("keep_logs", 0, 0),
        ("stack_trace_limit", 0, 0),
        ("omit_trace_context", True, True),
        ("job_id", "order-1", "order-1"),
        ("job_id", "1a", "1a"),
    ],
)
def test_an_option_is_brought_to_its_final_form(name: str, value: object, checked: object) -> None:
    assert check_options({name: value}, call=True) == {name: checked}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("priority", -1, "Option priority is -1; accepted: an integer from 0 to 2097151."),
        ("priority", MAX_PRIORITY + 1, "accepted: an integer from 0 to 2097151."),
        ("priority", True, "Option priority is True; accepted: an integer"),
        ("priority", 1.0, "Option priority is 1.0; accepted: an integer"),
        ("priority", "1", "Option priority is '1'; accepted: an integer"),
        ("lifo", 1, "Option lifo is 1; accepted: True or False."),
        ("attempts", 0, "Option attempts is 0; accepted: an integer from 1 to"),
        ("attempts", None, "Option attempts is None"),
        ("backoff", {"type": "linear", "delay": 1}, "Option backoff.type is 'linear'; accepted: \"fixed\" or"),
        ("backoff", {"delay": 1}, "Option backoff lacks 'type'; known keys: delay, jitter, max_delay, type."),
        ("backoff", {"type": "fixed"}, "Option backoff lacks 'delay'"),
        ("backoff", {"type": "fixed", "delay": 1, "jiter": 1}, "Option backoff has the unknown key 'jiter'"),
        (
            "backoff",
            {"type": "fixed", "delay": 1, "jitter": 2},
            "Option backoff.jitter is 2; accepted: a number from 0 to",
        ),
        ("backoff", {"type": "fixed", "delay": 1, "jitter": True}, "Option backoff.jitter is True"),
        ("backoff", {"type": "fixed", "delay": 1, "jitter": float("nan")}, "Option backoff.jitter is nan"),
        ("backoff", {"type": "fixed", "delay": 1, "jitter": "1"}, "Option backoff.jitter is '1'"),
        ("timeout", 0, "Option timeout is 0; accepted: a duration longer than zero, or None"),
        ("remove_on_complete", -1, "Option remove_on_complete is -1; accepted: an integer from 0"),
        ("remove_on_complete", {"counts": 1}, "Option remove_on_complete has the unknown key 'counts'"),
        ("remove_on_complete", {"count": True}, "Option remove_on_complete.count is True"),
        ("remove_on_fail", "1d", "Option remove_on_fail is '1d'; accepted: a dictionary with age, count."),
        ("deduplication", "a", "Option deduplication is 'a'; accepted: a dictionary with extend, id, replace, ttl."),
        ("deduplication", {"ttl": 1}, "Option deduplication lacks 'id'"),
        ("deduplication", {"id": ""}, "Option deduplication.id is ''; accepted: a non-empty text."),
        ("deduplication", {"id": 5}, "Option deduplication.id is 5"),
        (
            "deduplication",
            {"id": "a", "extend": "yes"},
            "Option deduplication.extend is 'yes'; accepted: True or False.",
        ),
        ("keep_logs", -1, "Option keep_logs is -1"),
        ("stack_trace_limit", -1, "Option stack_trace_limit is -1"),
        ("job_id", "", "Option job_id is ''; accepted: a non-empty text"),
        ("job_id", "a:b", "Option job_id is 'a:b'"),
        ("job_id", "17", "Option job_id is '17'"),
        ("job_id", "-17", "Option job_id is '-17'"),
        ("job_id", 17, "Option job_id is 17"),
        ("job_id", "active", "Option job_id is 'active'; accepted: a text that is none of the names that BullMQ keeps"),
        ("job_id", "a\n", "accepted: printable characters."),
        ("idempotency_key", "", "Option idempotency_key is ''; accepted: a non-empty text of printable characters."),
        ("idempotency_key", None, "Option idempotency_key is None; accepted: a non-empty text"),
        ("idempotency_key", "\ud800", "accepted: a non-empty text of printable characters."),
        ("idempotency_ttl", 0, "Option idempotency_ttl is 0; accepted: a duration longer than zero."),
        ("idempotency_ttl", "1h", "Option idempotency_ttl goes with idempotency_key only."),
        ("debounce", "k", "Option debounce is 'k'; accepted: a key and a duration in a tuple, as debounce=("),
        ("debounce", ["k", "5s"], "accepted: a key and a duration in a tuple"),
        ("throttle", ("k",), "Option throttle is ('k',); accepted: a key and a duration in a tuple, as throttle=("),
        ("throttle", (5, "5s"), "Option throttle.key is 5; accepted: a non-empty text"),
        ("debounce", ("k", 0), "Option debounce.duration is 0; accepted: a duration longer than zero."),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_accepted(name: str, value: object, message: str) -> None:
    with pytest.raises(OptionError) as failure:
        check_options({name: value}, call=True)

    assert message in str(failure.value)
    assert failure.value.option.split(".")[0] == name


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"delay": "soon"}, "option delay"),
        ({"delay": -1}, "option delay"),
        ({"timeout": 1.5}, "option timeout"),
        ({"backoff": 1.5}, "option backoff"),
        ({"backoff": {"type": "fixed", "delay": "x"}}, "option backoff.delay"),
        ({"remove_on_fail": {"age": -1}}, "option remove_on_fail.age"),
        ({"deduplication": {"id": "a", "ttl": "x"}}, "option deduplication.ttl"),
        ({"idempotency_key": "k", "idempotency_ttl": "soon"}, "option idempotency_ttl"),
        ({"throttle": ("k", "soon")}, "option throttle.duration"),
    ],
)
def test_a_wrong_duration_says_in_which_option_it_is(options: Mapping[str, object], name: str) -> None:
    with pytest.raises(DurationError, match=f"^{name} is "):
        check_options(options, call=True)


DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("options", "deduplication"),
    [
        ({"idempotency_key": "k"}, DeduplicationPolicy("k", DAY_MS, option="idempotency_key")),
        (
            {"idempotency_key": "k", "idempotency_ttl": "1s", "deduplication": None},
            DeduplicationPolicy("k", 1_000, option="idempotency_key"),
        ),
        ({"throttle": ("k", "5s")}, DeduplicationPolicy("k", 5_000, option="throttle")),
        ({"debounce": ("k", "5s")}, DeduplicationPolicy("k", 5_000, extend=True, replace=True, option="debounce")),
    ],
)
def test_a_key_is_a_deduplication(options: Mapping[str, object], deduplication: DeduplicationPolicy) -> None:
    delayed = {"delay": 5_000} if "debounce" in options else {}
    assert check_options(options, call=True) == {"deduplication": deduplication, **delayed}


@pytest.mark.parametrize("other", [{"deduplication": {"id": "d"}}, {"job_id": "j"}, {"throttle": ("k", "5s")}])
@pytest.mark.parametrize("keyed", [{"idempotency_key": "k"}, {"debounce": ("k", "5s")}, {"throttle": ("k", "5s")}])
def test_a_key_goes_with_nothing_else_that_names_duplicates(
    keyed: Mapping[str, object], other: Mapping[str, object]
) -> None:
    if keyed == other:
        return
    with pytest.raises(OptionError, match=f"can't be given together with {next(iter(other))}") as failure:
        check_options({**other, **keyed}, call=True)
    assert failure.value.option == next(iter(keyed))


def test_debounce_goes_with_no_other_delay() -> None:
    with pytest.raises(OptionError, match="debounce can't be given together with delay: its duration is the delay"):
        check_options({"debounce": ("k", "5s"), "delay": 0}, call=True)


def test_the_id_of_a_key_tells_apart_all_names_and_keys() -> None:
    names, keys = ("a", "a:b", "a%3Ab", "b"), ("a", "a:b", "b:a")
    ids = {DeduplicationPolicy(key, 1, option="throttle").id_for(name) for name in names for key in keys}
    assert len(ids) == len(names) * len(keys)
    assert DeduplicationPolicy("a", option="throttle").id_for("å (1)") == "throttle:%C3%A5%20(1):a"
    assert DeduplicationPolicy("a").id_for("b") == "a"


def test_a_misspelt_option_is_refused_with_the_near_and_the_known_ones() -> None:
    with pytest.raises(OptionError) as failure:
        check_options({"attemps": 3})

    message = str(failure.value)
    assert message.startswith("Unknown option 'attemps'. Did you mean 'attempts'? Known options: ")
    assert "stack_trace_limit" in message
    assert "job_id" not in message
    assert failure.value.option == "attemps"


@pytest.mark.parametrize(
    ("name", "call", "hint"),
    [
        ("concurrency", False, "concurrency belongs to queue()"),
        ("rate_limit", True, "rate_limit belongs to queue()"),
        ("executor", True, "executor belongs to job()."),
        ("queue", True, "queue belongs to job()."),
        ("result", True, "result belongs to job()."),
        ("batch", True, "batch belongs to job()."),
        ("every", False, "every belongs to trigger_recurring()."),
        ("on_failure", False, "on_failure belongs to node()."),
        ("countdown", True, "countdown is called delay, how long from now."),
        ("eta", True, "eta is called delay, how long from now."),
        ("task_id", True, "task_id is called job_id of a call, as long as the job is kept, or idempotency_key"),
        ("throttle", False, "throttle belongs to a single call, not to a job or a queue."),
        ("idempotency_ttl", False, "idempotency_ttl belongs to a single call"),
        ("cron", True, "cron is called pattern, of trigger_recurring()."),
        ("max_retries", False, "max_retries is called attempts, the first one counted."),
        ("removeOnComplete", False, "Did you mean 'remove_on_complete'?"),
        ("jobId", True, "Did you mean 'job_id'?"),
    ],
)
def test_an_option_of_another_place_or_library_is_refused_with_what_it_is_here(
    name: str, call: bool, hint: str
) -> None:
    with pytest.raises(OptionError) as failure:
        check_options({name: 5}, call=call)

    assert f"Unknown option {name!r}. {hint}" in str(failure.value)


def test_every_hint_names_what_exists() -> None:
    accepted = {field.name for field in fields(ResolvedOptions)}
    accepted |= set(inspect.signature(job).parameters) | set(inspect.signature(queue).parameters)
    accepted |= set(DefinitionOptions.__annotations__) | set(inspect.signature(pack.trigger_recurring).parameters)
    accepted |= set(inspect.signature(pack.node).parameters) | set(TriggerOptions.__annotations__) | {"client"}
    for called in unknown.NAMES.values():
        assert called.split()[0].strip(",") in accepted
    assert set(unknown.PLACES) <= accepted
    assert accepted.isdisjoint(unknown.NAMES)


def test_an_option_like_no_other_is_refused_without_a_guess() -> None:
    with pytest.raises(OptionError, match=r"Unknown option 'zzz'\. Known options: .*job_id"):
        check_options({"zzz": 3}, call=True)


def test_a_job_id_belongs_to_a_call_only() -> None:
    with pytest.raises(OptionError, match="job_id belongs to a single call, not to a job or a queue"):
        check_options({"job_id": "a"})


def test_without_layers_the_librarys_defaults_hold() -> None:
    options = merge()

    assert options == ResolvedOptions()
    assert options.attempts == 3
    assert options.backoff == BackoffPolicy("exponential", 2_000, 0.5)
    assert options.remove_on_complete == KeepPolicy(10_000, 86_400_000)
    assert options.remove_on_fail == KeepPolicy(10_000, 604_800_000)
    assert (options.delay, options.priority, options.lifo, options.timeout, options.job_id) == (0, 0, False, None, None)


def test_the_later_layer_wins_option_by_option() -> None:
    queue = check_options({"attempts": 5, "delay": 1, "timeout": "1m"})
    job = check_options({"attempts": 7, "priority": 2})
    call = check_options({"priority": 0, "timeout": None}, call=True)

    merged = merge(queue, job, call)

    assert (merged.attempts, merged.delay, merged.priority, merged.timeout) == (7, 1, 0, None)


DURATIONS = st.one_of(st.integers(1, 10_000), st.sampled_from(["5s", "3d"]), st.timedeltas(timedelta(1), timedelta(9)))
KEPT = st.one_of(
    st.booleans(),
    st.integers(0, 100),
    st.fixed_dictionaries({}, optional={"count": st.integers(0, 100), "age": DURATIONS}),
)
ERRORS = st.sampled_from([None, ValueError, [OSError, KeyError]])
VALUES: dict[str, st.SearchStrategy[object]] = {
    "delay": DURATIONS,
    "priority": st.integers(0, MAX_PRIORITY),
    "lifo": st.booleans(),
    "attempts": st.integers(1, 100),
    "backoff": st.none()
    | DURATIONS
    | st.fixed_dictionaries(
        {"type": st.sampled_from(["fixed", "exponential"]), "delay": DURATIONS},
        optional={"jitter": st.floats(0, 1), "max_delay": DURATIONS},
    ),
    "timeout": st.none() | DURATIONS,
    "retry_on_timeout": st.booleans(),
    "deadline": st.none() | DURATIONS | st.datetimes(datetime(2100, 1, 1), datetime(2101, 1, 1)),
    "remove_on_complete": KEPT,
    "remove_on_fail": KEPT,
    "deduplication": st.none()
    | st.fixed_dictionaries(
        {"id": st.text("abc", min_size=1)},
        optional={"ttl": DURATIONS, "extend": st.booleans(), "replace": st.booleans()},
    ),
    "keep_logs": st.integers(0, 100),
    "stack_trace_limit": st.integers(0, 100),
    "omit_trace_context": st.booleans(),
}
LAYERS = st.fixed_dictionaries({}, optional=VALUES)
"""Layers of any options that may be set for queues, jobs and calls."""
NAMES = [field.name for field in fields(ResolvedOptions)]


def test_every_option_is_in_the_layers() -> None:
    elsewhere = {"job_id", "retry_on", "fail_on"}  # of a call only, and not of one
    assert VALUES.keys() == set(NAMES) - elsewhere


@given(st.lists(st.fixed_dictionaries({}, optional={**VALUES, "retry_on": ERRORS, "fail_on": ERRORS}), max_size=4))
def test_an_option_has_the_value_of_the_last_layer_that_sets_it(layers: list[dict[str, object]]) -> None:
    merged = merge(*[check_options(layer) for layer in layers])

    for name in NAMES:
        last = next((layer[name] for layer in reversed(layers) if name in layer), None)
        is_set = any(name in layer for layer in layers)
        expected = check_options({name: last})[name] if is_set else getattr(ResolvedOptions(), name)
        assert getattr(merged, name) == expected


@given(st.lists(LAYERS, max_size=4))
def test_layers_are_left_as_they_were(layers: list[dict[str, object]]) -> None:
    before = deepcopy(layers)
    checked = [check_options(layer) for layer in layers]
    as_checked = deepcopy(checked)

    assert merge(*checked) == merge(*checked)
    assert layers == before
    assert checked == as_checked


@given(LAYERS, LAYERS, LAYERS)
def test_it_makes_no_difference_which_layers_are_merged_first(
    queue: dict[str, object], job: dict[str, object], call: dict[str, object]
) -> None:
    one_by_one = merge(check_options(queue), check_options(job), check_options(call))

    assert one_by_one == merge(check_options(queue | job), check_options(call))
    assert one_by_one == merge(check_options(queue), check_options(job | call))


@given(st.text(max_size=20), LAYERS)
def test_any_unknown_option_is_refused(name: str, layer: dict[str, object]) -> None:
    if name not in {field.name for field in fields(ResolvedOptions)}:
        with pytest.raises(OptionError) as failure:
            check_options({**layer, name: 1}, call=True)
        assert failure.value.option == name
