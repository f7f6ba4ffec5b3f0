"""What the tests of traces share: spans kept in memory, and Node that traces."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from midday_worker import Settings
from midday_worker.demo.node import NodeRuntime
from tests.conftest import ROOT
from tests.integration.tracing.traced_node import PACKAGES, TracedNode
from tests.spans import Spans, recorded_spans


@pytest.fixture
def spans() -> Iterator[Spans]:
    with recorded_spans() as spans:
        yield spans


@pytest.fixture(scope="session")
def tracing_runtime() -> NodeRuntime:
    runtime = NodeRuntime(ROOT / ".midday" / "node-tracing", PACKAGES)
    runtime.install()
    return runtime


@pytest.fixture
def traced_node(tracing_runtime: NodeRuntime, settings: Settings) -> TracedNode:
    return TracedNode(tracing_runtime, settings)
