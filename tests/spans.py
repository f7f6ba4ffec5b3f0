"""A tracer provider that keeps its spans in memory, for one test."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import cast

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext
from opentelemetry.util._once import Once  # what guards the provider; there is no public way to set it again


class Spans:
    """What was exported."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = self.provider.get_tracer("tests")

    def ended(self, name: str | None = None) -> list[ReadableSpan]:
        """Return the spans that have ended, in that order: all, or those of a name."""
        return [span for span in self._exporter.get_finished_spans() if name is None or span.name == name]

    def one(self, name: str) -> ReadableSpan:
        """Return the only span of this name."""
        (span,) = self.ended(name)
        return span

    def __str__(self) -> str:
        return "\n".join(f"{span.name} {id_of(span)} below {parent_of(span)}" for span in self.ended())


@contextmanager
def recorded_spans() -> Generator[Spans]:
    """Configure tracing, as a program does at its start, for the time of a block."""
    spans = Spans()
    with tracer_provider(spans.provider):
        yield spans
    spans.provider.shutdown()


@contextmanager
def tracer_provider(provider: trace.TracerProvider) -> Generator[None]:
    """Set the program's tracer provider, which OpenTelemetry allows once, and take it away again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trace, "_TRACER_PROVIDER", None)
        patch.setattr(trace, "_TRACER_PROVIDER_SET_ONCE", Once())
        trace.set_tracer_provider(provider)
        yield


def context_of(span: ReadableSpan) -> SpanContext:
    """Return what identifies a span."""
    return cast("SpanContext", span.get_span_context())


def id_of(span: ReadableSpan) -> str:
    """Return a span's id, in hexadecimal."""
    return f"{context_of(span).span_id:016x}"


def trace_of(span: ReadableSpan) -> str:
    """Return the id of a span's trace, in hexadecimal."""
    return f"{context_of(span).trace_id:032x}"


def parent_of(span: ReadableSpan) -> str | None:
    """Return the id of the span above, in hexadecimal."""
    return None if span.parent is None else f"{span.parent.span_id:016x}"
