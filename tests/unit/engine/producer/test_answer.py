"""What a script that adds a job has answered."""

from __future__ import annotations

import json

import pytest
from loguru import logger
from redis.exceptions import ResponseError

from midday_worker.engine.producer.answer import ExistingId, checked_id
from midday_worker.errors import EnqueueError


@pytest.mark.parametrize(
    ("answer", "job_id", "existing"),
    [("j1", "j1", False), ("j2", "j2", True), (["j1"], "j1", True), (["j2"], "j2", True)],
)
def test_it_tells_whether_the_job_was_there(answer: object, job_id: str, existing: bool) -> None:
    told = checked_id(answer, "pack", "j1")
    assert told == job_id
    assert isinstance(told, ExistingId) == existing


def test_an_error_is_raised() -> None:
    with pytest.raises(EnqueueError, match="its parent job doesn't exist"):
        checked_id(-5, "pack", "j1")
    with pytest.raises(ResponseError):
        checked_id(ResponseError("no"), "pack", "j1")


DEEP = "[" * 100_000 + "1" + "]" * 100_000


@pytest.mark.parametrize(
    ("there", "given", "paths"),
    [
        ('{"a": 1, "b": [1, {"c": 2}]}', '{"b": [1, {"c": 3}], "d": null}', "a, b.1.c, d"),
        ('{"a": [1, 2]}', '{"a": [1]}', "a"),
        ('{"a": 1}', '{"a": true}', "a"),
        ('{"a": {"b": 1}}', '{"a": [1]}', "a"),
        ('"a"', '"b"', "the whole payload"),
        ("[1]", "[1, 2]", "the whole payload"),
        ("no JSON", "1", "the whole payload"),
        (DEEP, DEEP.replace("1", "2"), "the whole payload"),
        ('{"a\\nb": 1}', "{}", "'a\\nb'"),
        (json.dumps(dict.fromkeys(range(100))), "{}", ", ".join(map(str, range(20)))),
        ('{"a": 1, "b": 1.0}', '{"b": 1, "a": 1}', None),
    ],
)
def test_payloads_are_compared_by_their_paths(there: str, given: str, paths: str | None) -> None:
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(message.record["message"]), format="{message}")
    try:
        assert checked_id(["j1", there, given], "pack", "j2") == "j1"
    finally:
        logger.remove(sink)
    if paths is None:
        assert lines == []
    else:
        assert lines == [
            "Job 'pack' was not added again under its idempotency key: job j1 is there, with another payload. They "
            f"differ in: {paths}"
        ]
