"""Limits per key: what is accepted, and which key a payload has."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import cast

import pytest

from midday_worker import (
    DefinitionError,
    JobRegistry,
    OptionError,
    PayloadError,
    PerKey,
    QueueRegistry,
    RateLimit,
    job,
    queue,
)
from midday_worker.queues.per_key import key_in, missing_keys
from midday_worker.testing import RecordingClient


def test_a_queue_has_the_limits_that_it_is_given() -> None:
    limits = [PerKey("teamId", concurrency=2), PerKey("teamId", rate=RateLimit(60, "1m"))]
    made = queue("exports", limits=limits, registry=QueueRegistry())
    assert made.limits == tuple(limits)
    assert [limit.wire for limit in made.limits] == [
        {"path": "teamId", "concurrency": 2},
        {"path": "teamId", "max": 60, "per": 60_000},
    ]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: PerKey("teamId"), "either concurrency or rate"),
        (lambda: PerKey("teamId", concurrency=1, rate=RateLimit(1, 1)), "either concurrency or rate"),
        (lambda: PerKey("teamId", concurrency=0), "accepted: an integer of 1 or more"),
        (lambda: PerKey("teamId", concurrency=True), "accepted: an integer of 1 or more"),
        (lambda: PerKey("teamId", rate=RateLimit(0, "1m")), "accepted: an integer of 1 or more"),
        (lambda: PerKey("teamId", rate=cast("RateLimit", (1, "1m"))), "accepted: a RateLimit"),
        (lambda: PerKey("", concurrency=1), "accepted: a name, or several with dots"),
        (lambda: PerKey("team..id", concurrency=1), "accepted: a name, or several with dots"),
        (lambda: PerKey(cast("str", None), concurrency=1), "accepted: a name, or several with dots"),
        (lambda: PerKey("a=b", concurrency=1), "accepted: names without '='"),
        (lambda: PerKey("a:b", concurrency=1), "accepted: names without ':'"),
    ],
)
def test_what_is_no_limit_is_refused(make: Callable[[], PerKey], said: str) -> None:
    with pytest.raises(OptionError, match=said):
        make()


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ([PerKey("a", concurrency=1), PerKey("a", concurrency=2)], "two limits of the concurrency for 'a'"),
        ([PerKey("a", rate=RateLimit(1, 1)), PerKey("a", rate=RateLimit(1, 2))], "two limits of the rate for 'a'"),
        (PerKey("a", concurrency=1), "accepted: a list of PerKey"),
        ("a", "accepted: a list of PerKey"),
        ([("a", 1)], "accepted: PerKey"),
    ],
)
def test_limits_that_contradict_or_are_none_are_refused(limits: object, said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        queue("exports", limits=cast("list[PerKey]", limits), registry=QueueRegistry())


@pytest.mark.parametrize(
    ("payload", "key"),
    [
        ({"team": {"id": "a"}}, "a"),
        ({"team": {"id": 7}}, "7"),
        ({"team": {"id": 1.5}}, "1.5"),
        ({"team": {"id": 9007199254740993}}, "9007199254740992"),
        ({"team": {"id": 10**400}}, "inf"),
        ({"team": {"id": -(10**400)}}, "-inf"),
        ({"team": {"id": False}}, "false"),
        ({"team": {"id": None}}, None),
        ({"team": {"id": ""}}, None),
        ({"team": {"id": ["a"]}}, None),
        ({"team": ["id"]}, None),
        ({"team.id": "a"}, None),
        ("team", None),
    ],
)
def test_a_key_is_read_from_the_payload_as_it_travels(payload: object, key: str | None) -> None:
    assert key_in(payload, "team.id") == key


def test_a_payload_that_is_no_json_is_left_to_its_own_error() -> None:
    assert missing_keys("{", [PerKey("a", concurrency=1, required=True)]) == []
    assert missing_keys(json.dumps({}), [PerKey("a", concurrency=1, required=True)]) == ["a"]
    assert missing_keys(json.dumps({}), [PerKey("a", concurrency=1)]) == []


async def test_a_required_key_is_asked_for_at_the_trigger(recorded: RecordingClient) -> None:
    registry = JobRegistry(QueueRegistry())
    limited = queue("exports", limits=[PerKey("teamId", concurrency=1, required=True)], registry=registry.queues)
    export = job("export", dict[str, str], queue=limited, registry=registry)
    await export.trigger({"teamId": "a"})
    with pytest.raises(PayloadError, match=r"^Invalid payload for job 'export': teamId: the queue's limit per key"):
        await export.trigger({"team": "a"})
    with pytest.raises(PayloadError):
        await export.batch_trigger([{"payload": {"teamId": "a"}}, {"payload": {}}])
    assert len(recorded.recorded) == 1
