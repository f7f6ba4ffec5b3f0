"""The span of an attempt: its name, attributes and status, and what is within it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
from opentelemetry import baggage, trace
from opentelemetry.trace import SpanKind, StatusCode

from midday_worker.engine.worker.settlement import Park
from midday_worker.errors import NonRetryableError
from midday_worker.execution.consumer_spans import consumer_span
from midday_worker.handling.attempt_call import AttemptCall
from midday_worker.telemetry.tracing.carrier import carrier_of
from midday_worker.testing import FakeJob
from tests.attempt_calls import call_of
from tests.spans import Spans, id_of, parent_of, trace_of


@dataclass
class StoredJob(FakeJob):
    """A job as a worker has fetched it, with three attempts."""

    attempts: int = 3
    queue: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(name="warehouse"))

    def delay_before_next(self, error: BaseException) -> int | None:
        last = self.attemptsMade + 1 == self.attempts or isinstance(error, NonRetryableError)
        return None if last else 10


async def attempt(stored: StoredJob, act: Callable[[], object]) -> object:
    async def process(call: AttemptCall[object]) -> object:
        return act()

    return await consumer_span(call_of(stored), process)


def failing(error: BaseException) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


async def test_an_attempt_is_a_consumers_span_with_the_job_in_its_attributes(spans: Spans) -> None:
    await attempt(StoredJob(1, id="j7", name="pack", attemptsMade=1), lambda: None)

    span = spans.one("process warehouse")
    assert (span.kind, span.status.status_code, parent_of(span)) == (SpanKind.CONSUMER, StatusCode.UNSET, None)
    assert dict(span.attributes or {}) == {
        "messaging.system": "bullmq",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "warehouse",
        "messaging.message.id": "j7",
        "bullmq.queue.name": "warehouse",
        "bullmq.queue.operation": "process",
        "bullmq.job.id": "j7",
        "bullmq.job.name": "pack",
        "midday.job.attempt": 2,
        "midday.job.attempts": 3,
    }


async def test_what_the_handler_does_is_below_its_attempt_and_sees_the_producers_baggage(spans: Spans) -> None:
    producer = spans.tracer.start_span("producer")
    found: list[object] = []

    def handle() -> None:
        found.append(baggage.get_baggage("team"))
        spans.tracer.start_span("query").end()

    tm = carrier_of(producer)[:-1] + ',"baggage":"team=t1"}'
    with spans.tracer.start_as_current_span("the worker's own") as own:
        await attempt(StoredJob(1, opts={"tm": tm}), handle)
        assert trace.get_current_span() is own

    process, query = spans.one("process warehouse"), spans.one("query")
    assert found == ["t1"]
    assert parent_of(process) == f"{producer.get_span_context().span_id:016x}"
    assert (parent_of(query), trace_of(query)) == (id_of(process), trace_of(process))
    assert baggage.get_baggage("team") is None


@pytest.mark.parametrize(
    ("made", "error", "final"),
    [(0, LookupError("gone"), False), (2, LookupError("gone"), True), (0, NonRetryableError("gone"), True)],
    ids=["to-be-retried", "last-attempt", "non-retryable"],
)
async def test_a_failure_is_the_spans_status_with_its_exception(
    spans: Spans, made: int, error: Exception, final: bool
) -> None:
    with pytest.raises(type(error)):
        await attempt(StoredJob(1, attemptsMade=made), failing(error))

    span = spans.one("process warehouse")
    name = "LookupError" if isinstance(error, LookupError) else "midday_worker.errors.outcome.NonRetryableError"
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, f"{type(error).__name__}: gone")
    assert [(event.name, (event.attributes or {})["exception.message"]) for event in span.events] == [
        ("exception", "gone")
    ]
    assert ((span.attributes or {})["error.type"], (span.attributes or {})["midday.job.final"]) == (name, final)


async def test_an_error_whose_message_raises_is_still_the_jobs_error(spans: Spans) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    with pytest.raises(Mute):
        await attempt(StoredJob(1), failing(Mute()))

    assert spans.one("process warehouse").status.description == "Mute: its message raised RuntimeError"


async def test_a_cancelled_attempt_ends_its_span(spans: Spans) -> None:
    with pytest.raises(asyncio.CancelledError):
        await attempt(StoredJob(1), failing(asyncio.CancelledError()))

    assert (spans.one("process warehouse").attributes or {})["error.type"] == "asyncio.exceptions.CancelledError"


async def test_a_job_that_is_parked_has_not_failed(spans: Spans) -> None:
    with pytest.raises(Park):
        await attempt(StoredJob(1), failing(Park(5_000)))

    span = spans.one("process warehouse")
    assert (span.status.status_code, span.events, (span.attributes or {})["midday.job.parked"]) == (
        StatusCode.UNSET,
        (),
        True,
    )


async def test_jobs_side_by_side_have_spans_of_their_own(spans: Spans) -> None:
    both = asyncio.Barrier(2)

    async def process(call: AttemptCall[object]) -> None:
        await both.wait()
        spans.tracer.start_span(f"query {call.job.id}").end()

    await asyncio.gather(*(consumer_span(call_of(StoredJob(1, id=job_id)), process) for job_id in ("a", "b")))

    above = {(span.attributes or {})["bullmq.job.id"]: id_of(span) for span in spans.ended("process warehouse")}
    assert {job_id: parent_of(spans.one(f"query {job_id}")) for job_id in ("a", "b")} == above


async def test_without_tracing_what_is_within_is_called_as_it_is() -> None:
    outcome: asyncio.Future[object] = asyncio.Future()

    assert consumer_span(call_of(StoredJob(1)), lambda _call: outcome) is outcome
