"""OpenTelemetry's context as BullMQ's `tm`, and what becomes of one that can't be read."""

from __future__ import annotations

import json

import pytest
from opentelemetry import baggage, context, trace

from midday_worker.telemetry.tracing.carrier import LINKS, carrier_of, context_of, links_of, traceparent_of
from tests.spans import Spans


def test_a_carrier_is_json_text_that_reads_back_as_the_same_span(spans: Spans) -> None:
    span = spans.tracer.start_span("add")
    carrier = carrier_of(span)

    assert json.loads(carrier) == {"traceparent": traceparent_of(span)}
    read = trace.get_current_span(context_of(carrier)).get_span_context()
    assert (read.trace_id, read.span_id) == (span.get_span_context().trace_id, span.get_span_context().span_id)


def test_baggage_travels_with_the_span(spans: Spans) -> None:
    token = context.attach(baggage.set_baggage("team", "t1"))
    try:
        carrier = carrier_of(spans.tracer.start_span("add"))
    finally:
        context.detach(token)

    assert baggage.get_baggage("team", context_of(carrier)) == "t1"


@pytest.mark.parametrize(
    "carrier",
    [None, 5, "", "{", "[]", "[" * 100_000, '{"traceparent": 5}', '{"traceparent": "no"}', '{"traceparent": null}'],
    ids=["none", "number", "empty", "cut", "list", "deep", "no-text", "no-traceparent", "null"],
)
def test_a_carrier_that_cannot_be_read_begins_a_new_trace(spans: Spans, carrier: object) -> None:
    with spans.tracer.start_as_current_span("the worker's own"):
        assert not trace.get_current_span(context_of(carrier)).get_span_context().is_valid


def test_links_are_those_that_can_be_read_and_no_more_than_a_span_may_have(spans: Spans) -> None:
    span = spans.tracer.start_span("addNode")

    (link,) = links_of(["", 5, traceparent_of(span), "00-0-0-00"])
    assert link.context.span_id == span.get_span_context().span_id
    assert links_of(None) == ()
    assert len(links_of([traceparent_of(span)] * (LINKS + 1))) == LINKS
