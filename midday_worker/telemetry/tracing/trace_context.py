"""What a job carries of the trace that it belongs to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TraceContext:
    """The context that travels with a job.

    Attributes:
        carrier: OpenTelemetry's carrier as JSON text, which is BullMQ's option `tm`.
        children: the spans that added a flow's children, as W3C `traceparent`s.
    """

    carrier: str
    children: tuple[str, ...] = ()
