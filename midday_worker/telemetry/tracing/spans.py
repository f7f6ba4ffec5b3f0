"""`Tracing` starts the spans of jobs, by OpenTelemetry's conventions for messaging."""

from __future__ import annotations

import contextvars
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import Token
from functools import lru_cache
from types import TracebackType
from typing import Final, Literal, Self

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.util.types import AttributeValue

from midday_worker.telemetry.tracing.carrier import LINKS, carrier_of, context_of, links_of, traceparent_of
from midday_worker.telemetry.tracing.trace_context import TraceContext

_UNSET: Final = (trace.ProxyTracerProvider, trace.NoOpTracerProvider)


class JobSpan:
    """A span that ends with its `with` block, and is the current one there; what the block raises is its failure.

    Args:
        span: the span, started.
        above: the context that it was started in, if not the current one; the block gets its baggage.
    """

    def __init__(self, span: Span, above: Context | None = None) -> None:
        self.span = span
        self._context = trace.set_span_in_context(span, above)
        self._token: Token[Context] | None = None

    def __enter__(self) -> Self:
        self._token = context.attach(self._context)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._token is not None:
            context.detach(self._token)
        if error is not None:
            self.note_error(error)
        self.span.end()

    @contextmanager
    def as_current(self) -> Generator[None]:
        """Make the span the current one within a block, and leave it open."""
        token = context.attach(self._context)
        try:
            yield
        finally:
            context.detach(token)

    def note(self, **about: AttributeValue | None) -> None:
        """Set attributes of the job: those that aren't None."""
        self.span.set_attributes(_attributes(about))

    def note_error(self, error: BaseException) -> None:
        """Write down an error, and that what the span stands for has failed."""
        kind = type(error)
        try:
            said = str(error)
        except Exception as broken:  # a user's __str__ may do anything
            said = f"its message raised {type(broken).__name__}"
        else:
            self.span.record_exception(error)
        name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
        self.span.set_attribute("error.type", name)
        self.span.set_status(Status(StatusCode.ERROR, f"{kind.__name__}: {said}"))

    @property
    def traceparent(self) -> str:
        """The span as a W3C `traceparent`."""
        return traceparent_of(self.span)

    def carried(self, children: Sequence[str] = ()) -> TraceContext | None:
        """Return what a job carries on of this span, and of those of a flow's children; None if the SDK is disabled."""
        if not self.span.get_span_context().is_valid:
            return None
        return TraceContext(carrier_of(self.span), tuple(children[:LINKS]))


class Tracing:
    """Starts spans with a tracer of the program's provider."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer

    def add(self, operation: str, queue: str, **about: AttributeValue | None) -> JobSpan:
        """Start the span of a producer, below the current one."""
        attributes = {**_attributes(about), **_operation(operation, "send", queue)}
        return JobSpan(self._tracer.start_span(f"{operation} {queue}", kind=SpanKind.PRODUCER, attributes=attributes))

    @staticmethod
    def carrier() -> str | None:
        """Return the carrier of the current span's context as JSON text; None if there is no span."""
        span = trace.get_current_span()
        return carrier_of(span) if span.get_span_context().is_valid else None

    @staticmethod
    def continue_in(other: contextvars.Context) -> None:
        """Put the spans made with another set of context variables below the current one."""
        other.run(context.attach, context.get_current())

    def process(self, queue: str, *, carrier: object, children: object, **about: AttributeValue | None) -> JobSpan:
        """Start the span of one attempt at a job.

        Args:
            queue: its queue.
            carrier: its `tm`; the span that added it is above this one.
            children: the `traceparent`s of what added a flow's children; they are linked.
            about: see `JobSpan.note`.
        """
        above = context_of(carrier)
        span = self._tracer.start_span(
            f"process {queue}",
            above,
            kind=SpanKind.CONSUMER,
            attributes={**_attributes(about), **_operation("process", "process", queue)},
            links=links_of(children),
        )
        return JobSpan(span, above)


def configured_tracing() -> Tracing | None:
    """Return what makes spans with the program's tracer provider; None if none has been set."""
    provider = trace.get_tracer_provider()
    return None if isinstance(provider, _UNSET) else _tracing(provider)


@lru_cache(maxsize=1)
def _tracing(provider: trace.TracerProvider) -> Tracing:
    return Tracing(provider.get_tracer("midday_worker"))


_NAMES: Final = {
    "job_id": ("messaging.message.id", "bullmq.job.id"),
    "job": ("bullmq.job.name",),
    "schedule": ("bullmq.job.scheduler.id",),
    "count": ("messaging.batch.message_count",),
    "attempt": ("midday.job.attempt",),
    "attempts": ("midday.job.attempts",),
    "final": ("midday.job.final",),
    "parked": ("midday.job.parked",),
}
"""The names of attributes: the conventions', and those of BullMQ's add-on for Node, so that a query finds the spans
of both languages."""


def _attributes(about: Mapping[str, AttributeValue | None]) -> dict[str, AttributeValue]:
    return {name: value for key, value in about.items() if value is not None for name in _NAMES[key]}


def _operation(operation: str, kind: Literal["send", "process"], queue: str) -> dict[str, AttributeValue]:
    return {
        "messaging.system": "bullmq",
        "messaging.operation.name": operation,
        "messaging.operation.type": kind,
        "messaging.destination.name": queue,
        "bullmq.queue.name": queue,
        "bullmq.queue.operation": operation,
    }
