"""When spans are made, and that nothing is paid for them otherwise."""

from __future__ import annotations

import subprocess
import sys

import pytest
from opentelemetry import trace

from midday_worker.telemetry.tracing import active_tracing
from tests.spans import Spans, recorded_spans, tracer_provider

LOADED = """
import sys
{before}
import midday_worker.cli.app, midday_worker.client.client
import midday_worker.execution.consumer_spans, midday_worker.workers.service
from midday_worker.telemetry.tracing import active_tracing
assert active_tracing() is None
print([name for name in sys.modules if name.startswith("midday_worker.telemetry.tracing.")])
"""


@pytest.mark.parametrize(
    "before",
    ["", "import opentelemetry.trace", "sys.modules['opentelemetry'] = None"],
    ids=["installed", "loaded-by-others", "not-installed"],
)
@pytest.mark.process
def test_without_a_provider_nothing_of_what_makes_spans_is_loaded(before: str) -> None:
    program = LOADED.format(before=before)
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert loaded.stdout.strip() == "['midday_worker.telemetry.tracing.trace_context']"


def test_there_is_tracing_from_when_the_program_has_set_a_provider() -> None:
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
    assert active_tracing() is None
    with recorded_spans():
        assert active_tracing() is not None
    assert active_tracing() is None


def test_the_providers_tracer_is_made_once(spans: Spans) -> None:
    assert active_tracing() is active_tracing() is not None


def test_a_provider_that_makes_no_spans_counts_as_none() -> None:
    with tracer_provider(trace.NoOpTracerProvider()):
        assert active_tracing() is None


def test_a_disabled_sdk_gives_jobs_nothing_to_carry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    with recorded_spans():
        tracing = active_tracing()
        assert tracing is not None
        assert tracing.add("add", "warehouse").carried() is None
