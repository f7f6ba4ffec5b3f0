"""OpenTelemetry's context as text, as BullMQ's add-on for Node writes and reads it."""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Final, cast

from opentelemetry import propagate
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, get_current_span, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

LINKS: Final = 128
"""How many links a span has at most, by OpenTelemetry's default."""

_W3C: Final = TraceContextTextMapPropagator()
_TRACEPARENT: Final = "traceparent"


def carrier_of(span: Span) -> str:
    """Return the carrier of a span's context as JSON text, with the baggage that is active."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier, set_span_in_context(span))
    return json.dumps(carrier, separators=(",", ":"))


def context_of(carrier: object) -> Context:
    """Return the context of a job's `tm`; an empty one, and so a new trace, if there is none or it can't be read."""
    if not isinstance(carrier, str):
        return Context()
    try:
        fields: object = json.loads(carrier)
    except (ValueError, RecursionError):
        return Context()
    if not isinstance(fields, dict):
        return Context()
    texts = {key: text for key, text in cast("dict[str, object]", fields).items() if isinstance(text, str)}
    return propagate.extract(texts, Context())


def traceparent_of(span: Span) -> str:
    """Return a span's context as a W3C `traceparent`."""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier, set_span_in_context(span, Context()))
    return carrier.get(_TRACEPARENT, "")


def links_of(traceparents: object) -> Sequence[Link]:
    """Return links to the spans of W3C `traceparent`s; those that can't be read are left out."""
    if not isinstance(traceparents, list):
        return ()
    texts = [text for text in cast("list[object]", traceparents)[:LINKS] if isinstance(text, str)]
    spans = [get_current_span(_W3C.extract({_TRACEPARENT: text}, Context())) for text in texts]
    contexts = [span.get_span_context() for span in spans]
    return [Link(context) for context in contexts if context.is_valid]


@contextmanager
def continued(carrier: str | None) -> Generator[None]:
    """Put the spans of a block below the one that a carrier names; without a carrier it does nothing."""
    if carrier is None:
        yield
        return
    from opentelemetry import context  # an extra, which the process that sent the carrier has

    from midday_worker.telemetry.tracing.carrier import context_of

    token = context.attach(context_of(carrier))
    try:
        yield
    finally:
        context.detach(token)
