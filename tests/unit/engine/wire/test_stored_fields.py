"""What a job's hash is read as: the same attributes that the port's `Job.fromJSON` gives."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import cast

import bullmq
import pytest

from midday_worker.engine.job.job import Job

QUEUE = cast("bullmq.Queue", SimpleNamespace(backend="the backend", qualifiedName="bull:emails"))

PLAIN = {"name": "send", "data": '{"userId":"u1"}', "opts": "{}", "timestamp": "1700000000000", "delay": "0"}
PARENT = {"id": "p1", "queue": "bull:parents"}
CASES = {
    "plain": PLAIN,
    "nothing but a name": {"name": "send"},
    "node's": {**PLAIN, "opts": '{"attempts":0,"kl":3,"de":{"id":"d"}}', "priority": "3", "atm": "1", "ats": "2"},
    "active": {**PLAIN, "processedOn": "1700000000005", "ats": "1", "progress": '{"step":1}', "stc": "2"},
    "completed": {**PLAIN, "returnvalue": '{"ok":true}', "finishedOn": "1700000000009", "atm": "1"},
    "completed with a text": {**PLAIN, "returnvalue": "not JSON"},
    "failed": {**PLAIN, "failedReason": "boom", "stacktrace": '["at line 1"]', "attemptsMade": "2"},
    "deferred": {**PLAIN, "defa": "child failed", "rjk": "every-minute"},
    "fixed backoff": {**PLAIN, "opts": '{"backoff":500,"attempts":3,"delay":10,"removeOnComplete":{"count":5}}'},
    "child": {
        **PLAIN,
        "opts": json.dumps({"parent": PARENT, "fpof": True}),
        "parent": json.dumps({"id": "p1", "queueKey": "bull:parents", "fpof": True}),
        "parentKey": "bull:parents:p1",
    },
    "child by its options alone": {**PLAIN, "opts": json.dumps({"parent": PARENT, "idof": True})},
}


@pytest.mark.parametrize("raw", CASES.values(), ids=CASES.keys())
def test_a_job_has_the_attributes_that_the_port_gives_it(raw: dict[str, str]) -> None:
    job = Job.from_raw(QUEUE, raw, "j1")
    expected = vars(bullmq.Job.fromJSON(QUEUE, dict(raw), "j1"))
    # The port reads a job without them as one of now.
    expected.update({} if "timestamp" in raw else {"timestamp": 0})
    # Node writes it, the port doesn't read it.
    expected["processedBy"] = raw.get("pb")
    assert job.unreadable is None
    assert vars(job) == expected


def test_options_are_a_jobs_own_though_their_text_is_shared() -> None:
    raw = {**PLAIN, "opts": '{"attempts":3,"removeOnFail":{"count":5}}'}
    job = Job.from_raw(QUEUE, raw, "j1")
    job.opts["attempts"] = 7
    cast("dict[str, int]", job.opts["removeOnFail"])["count"] = 7
    assert Job.from_raw(QUEUE, raw, "j2").opts["attempts"] == 3
    assert Job.from_raw(QUEUE, raw, "j2").opts["removeOnFail"] == {"count": 5}


@pytest.mark.parametrize(
    "wrong",
    [{"data": "{"}, {"opts": "["}, {"opts": "7"}, {"delay": "soon"}, {"parent": "{"}, {"stacktrace": "no"}],
    ids=str,
)
def test_a_hash_that_cannot_be_read_makes_a_job_that_says_so(wrong: dict[str, str]) -> None:
    job = Job.from_raw(QUEUE, {**PLAIN, **wrong}, "j1")
    assert job.unreadable is not None
    assert job.unreadable.startswith("The stored job can't be read")


@pytest.mark.parametrize(
    "raw", [{}, {"processedOn": "1", "ats": "1", "pb": "w"}, {"stc": "1"}, {"delay": "0"}], ids=str
)
def test_a_hash_without_anything_of_a_job_is_gone(raw: dict[str, str]) -> None:
    job = Job.from_raw(QUEUE, raw, "j1")
    assert job.is_gone
    assert "data is gone" in (job.unreadable or "")


def test_a_hash_that_lost_its_name_alone_is_not_gone() -> None:
    job = Job.from_raw(QUEUE, {name: value for name, value in PLAIN.items() if name != "name"}, "j1")
    assert not job.is_gone
    assert job.unreadable == "The stored job can't be read: its name is gone"


def test_an_empty_name_is_a_name() -> None:
    job = Job.from_raw(QUEUE, {**PLAIN, "name": ""}, "j1")
    assert (job.name, job.unreadable, job.is_gone) == ("", None, False)


def test_two_policies_for_one_parent_are_refused() -> None:
    opts = json.dumps({"parent": PARENT, "fpof": True, "idof": True})
    assert "more than one policy" in (Job.from_raw(QUEUE, {**PLAIN, "opts": opts}, "j1").unreadable or "")
