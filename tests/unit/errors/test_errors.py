"""The error tree: the drawing is the truth, and each message says what to do."""

from __future__ import annotations

import inspect
import re
import traceback

import pytest

from midday_worker import JobContext, JobRegistry, errors, job
from midday_worker.errors import (
    ClientClosedError,
    DatabaseNotConfiguredError,
    DatabaseUnavailableError,
    DuplicateJobError,
    DuplicateQueueError,
    EnqueueError,
    FieldProblem,
    ImportFailedError,
    JobFailedError,
    JobNotFoundError,
    JobResultTimeoutError,
    JobTimeoutError,
    MiddayWorkerError,
    PayloadError,
    RedisUnavailableError,
    ResultError,
    RetryAfter,
    UnknownJobError,
)
from midday_worker.testing import FakeJob


def drawn() -> dict[str, str]:
    """The parent of each class, as the module's docstring draws it."""
    parents: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"^(?P<indent>[\s│├└─]*)(?P<name>[A-Z]\w+)", line)
        if found is None or "::" in line or not found["indent"]:
            continue
        depth = (len(found["indent"]) - 4) // 4
        path = [*path[:depth], found["name"]]
        parents[found["name"]] = path[-2] if depth else ""
    return parents


def test_the_drawn_tree_is_that_of_the_classes() -> None:
    classes = {name: value for name, value in vars(errors).items() if inspect.isclass(value)}
    real = {
        name: "" if value is MiddayWorkerError else value.__mro__[1].__name__
        for name, value in classes.items()
        if issubclass(value, MiddayWorkerError)
    }

    assert drawn() == real


def test_bases_of_the_standard_library_are_drawn_as_they_are() -> None:
    for name, base in re.findall(r"(\w+) \((\w+Error)\)", errors.__doc__ or ""):
        assert base in {parent.__name__ for parent in vars(errors)[name].__mro__}


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (DatabaseNotConfiguredError(), ["ctx.db", "DATABASE_PRIMARY_URL"]),
        (DatabaseUnavailableError("sqlite://x", "locked"), ["sqlite://x", "locked"]),
        (ImportFailedError("my.jobs", "no such module"), ["'my.jobs'", "no such module"]),
        (DuplicateJobError("pay", "a.py:1", "b.py:2"), ["'pay'", "a.py:1", "b.py:2", "another id"]),
        (DuplicateQueueError("mail", "a.py:1", "b.py:2"), ["'mail'", "a.py:1", "b.py:2"]),
        (UnknownJobError("pya", ["pay"], 3), ["'pya'", "3 are", "Did you mean 'pay'?", "--import"]),
        (UnknownJobError("pya"), ["'pya'", "0 are"]),
        (PayloadError("pay", [FieldProblem("a.b", "missing")]), ["'pay'", "a.b: missing", "Invalid payload"]),
        (PayloadError("pay", [FieldProblem("", "odd")], "stored result"), ["Invalid stored result", ": odd"]),
        (ClientClosedError(), ["closed", "async with"]),
        (EnqueueError("refused", job="pay", job_id="1"), ["refused"]),
        (
            JobFailedError(job="pay", job_id="1", queue="mail", reason="boom", attempts=3),
            ["'pay'", "(1, queue mail)", "after 3 attempt(s): boom"],
        ),
        (
            JobResultTimeoutError(job_id="1", queue="mail", timeout_ms=50, state="active"),
            ["50 ms", "active", "goes on"],
        ),
        (JobNotFoundError(job_id="1", queue="mail"), ["No job 1 in queue mail", "trimmed"]),
        (ResultError("pay", "object", "no JSON"), ["'pay'", "object", "no JSON"]),
        (RetryAfter("5s"), ["retried after 5s"]),
        (RetryAfter("5s", "busy"), ["busy"]),
        (JobTimeoutError("pay", 20), ["'pay'", "20 ms"]),
    ],
)
def test_a_message_names_what_is_wrong_and_where(error: MiddayWorkerError, words: list[str]) -> None:
    for word in words:
        assert word in str(error)


def test_identifiers_are_attributes() -> None:
    payload = PayloadError("pay", (problem for problem in [FieldProblem("a", "missing")]))
    redis = RedisUnavailableError("away", may_have_been_written=True, job_ids=["1"])
    failed = JobFailedError(job="pay", job_id="1", queue="q", reason="r", attempts=1, stacktrace=["s"])

    assert (payload.job, payload.problems) == ("pay", (FieldProblem("a", "missing"),))
    assert (redis.may_have_been_written, redis.job_ids) == (True, ("1",))
    assert (failed.job, failed.job_id, failed.queue, failed.stacktrace) == ("pay", "1", "q", ("s",))
    assert UnknownJobError("pya", ["pay"]).near == ("pay",)
    assert JobTimeoutError("pay", 20).timeout_ms == 20


def test_wrong_input_is_a_value_error_and_a_timeout_a_timeout_error() -> None:
    assert issubclass(errors.InvalidInputError, ValueError)
    assert issubclass(JobResultTimeoutError, TimeoutError)
    assert issubclass(JobTimeoutError, TimeoutError)


def test_a_payload_error_shows_values_only_when_asked() -> None:
    """Its message may go to a log; whoever passed the payload may ask for more. Long and nested values stay out."""
    problems = [
        FieldProblem("action", "not known", "fax"),
        FieldProblem("note", "too long", "x" * 100),
        FieldProblem("user", "missing", {"a": 1}),
    ]
    error = PayloadError("notify", problems)
    assert "fax" not in str(error)
    assert "fax" not in repr(error.problems)
    assert error.problems[0].value == "fax"
    assert error.with_values() == (
        "Invalid payload for job 'notify': action: not known (got 'fax'); note: too long; user: missing"
    )


async def test_no_traceback_of_a_wrong_payload_holds_its_values() -> None:
    """A failed job's stack goes to the log and to Redis; pydantic's own text would quote the input."""

    @job("dial", registry=JobRegistry())
    async def dial(data: dict[str, int], ctx: JobContext) -> None: ...

    number = "-".join(("555", "0199"))  # not in one piece, as tracebacks quote this file too
    with pytest.raises(PayloadError) as of_execution:
        await dial.execute(FakeJob({"number": number}))
    with pytest.raises(PayloadError) as of_trigger:
        dial.node({"number": number})
    for raised in (of_execution.value, of_trigger.value):
        assert number not in "".join(traceback.format_exception(raised))
        assert raised.problems[0].value == number
