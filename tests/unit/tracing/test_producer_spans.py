"""The spans of what adds jobs, and what the jobs carry on of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from midday_worker.client.producer_spans import add_flows_traced, add_many_traced, add_traced, schedule_traced
from midday_worker.errors import RedisUnavailableError
from midday_worker.request import JobRequest
from tests.spans import Spans, id_of, parent_of
from tests.unit.sample import Parcel, pack


def carried_id(request: JobRequest) -> str:
    """Return the id of the span that a job carries on."""
    assert request.trace is not None
    carrier: dict[str, str] = json.loads(request.trace.carrier)
    return carrier["traceparent"].split("-")[2]


class Engine:
    """Adds nothing, and keeps what it was given."""

    def __init__(self) -> None:
        self.given: list[JobRequest] = []

    async def add(self, request: JobRequest) -> str:
        self.given.append(request)
        return "j1"

    async def add_many(self, requests: Sequence[JobRequest]) -> list[str]:
        self.given += requests
        return [f"j{index}" for index, _ in enumerate(requests)]

    async def add_flows(self, roots: Sequence[JobRequest]) -> list[list[str]]:
        self.given += [request for root in roots for request in root.tree()]
        return [[f"{place}-{index}" for index, _ in enumerate(root.tree())] for place, root in enumerate(roots)]

    async def write(self, request: JobRequest) -> None:
        self.given.append(request)


@pytest.fixture
def engine() -> Engine:
    return Engine()


def request(**options: bool) -> JobRequest:
    return pack.node(Parcel(order_id="o1"), omit_trace_context=options.get("omitted", False))


async def test_a_trigger_is_a_producers_span_with_the_job_in_its_attributes(spans: Spans, engine: Engine) -> None:
    assert await add_traced(request(), engine.add) == "j1"

    span = spans.one("add warehouse")
    assert span.kind == SpanKind.PRODUCER
    assert dict(span.attributes or {}) == {
        "messaging.system": "bullmq",
        "messaging.operation.name": "add",
        "messaging.operation.type": "send",
        "messaging.destination.name": "warehouse",
        "messaging.message.id": "j1",
        "bullmq.queue.name": "warehouse",
        "bullmq.queue.operation": "add",
        "bullmq.job.id": "j1",
        "bullmq.job.name": "pack",
    }
    assert carried_id(engine.given[0]) == id_of(span)


async def test_a_job_that_omits_the_context_carries_none(spans: Spans, engine: Engine) -> None:
    await add_traced(request(omitted=True), engine.add)

    assert engine.given[0].trace is None
    assert spans.one("add warehouse")


async def test_what_redis_refuses_is_the_spans_failure(spans: Spans) -> None:
    async def unreachable(_request: JobRequest) -> str:
        raise RedisUnavailableError("Redis is away", may_have_been_written=False)

    with pytest.raises(RedisUnavailableError):
        await add_traced(request(), unreachable)

    span = spans.one("add warehouse")
    assert (span.status.status_code, span.status.description) == (
        StatusCode.ERROR,
        "RedisUnavailableError: Redis is away",
    )


async def test_the_jobs_of_a_batch_carry_one_and_the_same_context(spans: Spans, engine: Engine) -> None:
    await add_many_traced([request(), request(omitted=True), request()], engine.add_many)

    first, omitted, last = engine.given
    assert first.trace is last.trace is not None
    assert omitted.trace is None
    assert (spans.one("addBulk warehouse").attributes or {})["messaging.batch.message_count"] == 3


async def test_each_node_of_a_flow_has_a_span_within_that_of_its_parent(spans: Spans, engine: Engine) -> None:
    leaf = request()
    middle = pack.node(Parcel(order_id="o2"), children=[leaf, leaf])
    await add_flows_traced([pack.node(Parcel(order_id="o3"), children=[middle])], engine.add_flows)

    call = spans.one("addFlow warehouse")
    by_job = {str((span.attributes or {})["bullmq.job.id"]): span for span in spans.ended("addNode warehouse")}
    parents = {job_id: parent_of(span) for job_id, span in by_job.items()}
    assert parents == {
        "0-0": id_of(call),
        "0-1": id_of(by_job["0-0"]),
        "0-2": id_of(by_job["0-1"]),
        "0-3": id_of(by_job["0-1"]),
    }
    assert [carried_id(node) for node in engine.given] == [id_of(by_job[f"0-{index}"]) for index in range(4)]
    linked = [text.split("-")[2] for text in engine.given[1].trace.children] if engine.given[1].trace else []
    assert linked == [id_of(by_job["0-2"]), id_of(by_job["0-3"])]


async def test_several_flows_are_one_call(spans: Spans, engine: Engine) -> None:
    await add_flows_traced([request(), request()], engine.add_flows)

    call = spans.one("addBulkFlows warehouse")
    assert [parent_of(span) for span in spans.ended("addNode warehouse")] == [id_of(call)] * 2


async def test_the_spans_of_a_flow_that_is_refused_end_all_the_same(spans: Spans) -> None:
    async def refuse(_roots: Sequence[JobRequest]) -> list[list[str]]:
        raise RedisUnavailableError("Redis is away", may_have_been_written=False)

    with pytest.raises(RedisUnavailableError):
        await add_flows_traced([request()], refuse)

    assert [span.name for span in spans.ended()] == ["addNode warehouse", "addFlow warehouse"]
    assert spans.one("addFlow warehouse").status.status_code == StatusCode.ERROR


async def test_a_schedule_carries_the_span_that_wrote_it(spans: Spans, engine: Engine) -> None:
    await schedule_traced("nightly", request(), engine.write)

    span = spans.one("upsertJobScheduler warehouse")
    assert carried_id(engine.given[0]) == id_of(span)
    assert (span.attributes or {})["bullmq.job.scheduler.id"] == "nightly"


async def test_an_empty_batch_of_flows_has_no_span(spans: Spans, engine: Engine) -> None:
    assert await add_flows_traced([], engine.add_flows) == []
    assert spans.ended() == []


async def test_without_tracing_requests_are_passed_on_as_they_are(engine: Engine) -> None:
    given = request()
    await add_traced(given, engine.add)
    await add_many_traced([given], engine.add_many)
    await add_flows_traced([given], engine.add_flows)
    await schedule_traced("nightly", given, engine.write)

    assert [each is given for each in engine.given] == [True] * 4


async def test_without_tracing_adding_a_job_has_no_coroutine_of_its_own() -> None:
    added: asyncio.Future[str] = asyncio.Future()

    assert add_traced(request(), lambda _request: added) is added
