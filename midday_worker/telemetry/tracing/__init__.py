"""Traces: OpenTelemetry's spans, made only where the program has configured it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from midday_worker.telemetry.tracing.trace_context import TraceContext

if TYPE_CHECKING:
    from midday_worker.telemetry.tracing.spans import Tracing

__all__ = ["TraceContext", "active_tracing"]


def active_tracing() -> Tracing | None:
    """Return what makes spans; None as long as the program has set no tracer provider."""
    module = sys.modules.get("opentelemetry.trace")
    # Asked for every job, so not by `get_tracer_provider`, which costs ten times as much, and only to say that there is
    # none. Redis's client loads OpenTelemetry wherever it is installed: that it is loaded says nothing.
    if module is None or getattr(module, "_TRACER_PROVIDER", module) is None:
        return None
    from midday_worker.telemetry.tracing.spans import configured_tracing  # it imports OpenTelemetry, an extra

    return configured_tracing()
