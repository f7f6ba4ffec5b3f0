"""What of a payload is shown."""

from __future__ import annotations

import json

from midday_worker.admin import Cut, JobSnapshot
from midday_worker.dashboard.json_response import json_response
from midday_worker.dashboard.shown.job import show_job
from midday_worker.dashboard.shown.redaction import NOT_SHOWN, Redaction, Shown, key_shown, stands_for_hidden

SECRET = "s3cret"
JOB = JobSnapshot(
    id="1",
    name="send",
    state="failed",
    attempts=1,
    failed_reason=f"no {SECRET}",
    result={"key": SECRET},
    data={"key": SECRET},
    progress={"key": SECRET},
    stacktrace=(f"raise {SECRET}",),
    deferred_failure=SECRET,
)


def without_secret(shown: Shown) -> object:
    return json.loads(json.dumps(shown.value).replace(SECRET, "***"))


def test_every_value_of_a_job_goes_through_the_hook() -> None:
    assert SECRET in json.dumps(show_job(JOB, "emails", Redaction()))
    assert SECRET not in json.dumps(show_job(JOB, "emails", Redaction(without_secret)))


def test_the_hook_knows_what_it_looks_at() -> None:
    seen: set[tuple[str, str, str]] = set()
    show_job(JOB, "emails", Redaction(lambda shown: seen.add((shown.field, shown.queue, shown.job))))
    assert seen == {(field, "emails", "send") for field in ("data", "result", "progress", "failure")}


def test_a_hook_that_raises_shows_nothing() -> None:
    def broken(shown: Shown) -> object:
        raise ValueError(shown.value)

    assert SECRET not in json.dumps(show_job(JOB, "emails", Redaction(broken)))


def test_a_value_that_is_too_large_is_named_and_known_again() -> None:
    shown = Redaction().value(Shown(Cut(2_000_000), "data", "emails", "send"))
    assert shown == {NOT_SHOWN: "it has 2,000,000 bytes"}
    assert stands_for_hidden({"a": [shown]})
    assert not stands_for_hidden({"a": [1]})


def test_whatever_was_stored_is_written_as_json() -> None:
    deep: object = "x"
    for _ in range(5_000):
        deep = [deep]
    body = json.loads(bytes(json_response({"nan": float("nan"), "deep": deep, "half": "\ud800"}).body))
    assert body["nan"] == "nan"
    assert body["half"] == "\ud800"


def test_of_a_key_that_is_hidden_only_the_path_is_shown() -> None:
    redaction = Redaction(without_secret)
    assert key_shown(redaction, f"team.id={SECRET}", "q", "j") == "team.id"
    assert key_shown(redaction, "team.id=a", "q", "j") == "team.id=a"
    assert key_shown(redaction, None, "q", "j") is None
