"""Node with BullMQ's OpenTelemetry add-on, and the spans that it exported."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypedDict, cast

from midday_worker import Settings
from midday_worker.demo.node import BULLMQ_PACKAGES, NodeRuntime

PACKAGES: Final[Mapping[str, str]] = {
    **BULLMQ_PACKAGES,
    "bullmq-otel": "2.0.1",
    "@opentelemetry/api": "1.9.1",
    "@opentelemetry/context-async-hooks": "2.9.0",
    "@opentelemetry/core": "2.9.0",
    "@opentelemetry/sdk-trace-base": "2.9.0",
}

_HEAD: Final = """
import { FlowProducer, Queue, Worker } from "bullmq";
import { BullMQOtel } from "bullmq-otel";
import { context, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
const exporter = new InMemorySpanExporter();
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
const propagators = [new W3CTraceContextPropagator(), new W3CBaggagePropagator()];
propagation.setGlobalPropagator(new CompositePropagator({ propagators }));
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
const [url, prefix, how] = process.argv.slice(2, 5);
const { hostname: host, port } = new URL(url);
const connection = { host, port: Number(port), maxRetriesPerRequest: null };
const options = { connection, prefix, telemetry: new BullMQOtel() };
const queue = (name) => new Queue(name, options);
// Works a queue until `count` jobs have completed.
const work = (name, count, handle) => new Promise((resolve) => {
  const worker = new Worker(name, handle, options);
  worker.on("completed", async () => { if (--count === 0) { await worker.close(); resolve(); } });
});
"""

_TAIL: Final = """
console.log(JSON.stringify(exporter.getFinishedSpans().map((span) => ({
  name: span.name,
  trace: span.spanContext().traceId,
  id: span.spanContext().spanId,
  parent: span.parentSpanContext?.spanId ?? null,
}))));
process.exit(0);
"""


class NodeSpan(TypedDict):
    """One of Node's spans; ids in hexadecimal."""

    name: str
    trace: str
    id: str
    parent: str | None


@dataclass(frozen=True, slots=True)
class TracedNode:
    """Runs scripts that trace. They find `queue(name)`, `work(name, count, handle)`, `FlowProducer` and `options`."""

    runtime: NodeRuntime
    settings: Settings

    async def run(self, source: str, how: object = None) -> list[NodeSpan]:
        """Run a script and return the spans that have ended; `how` is a constant of the script's."""
        where = (self.settings.redis_url.get_secret_value(), self.settings.redis_prefix)
        script = f"{_HEAD}\n{source}\n{_TAIL}"
        return cast("list[NodeSpan]", await self.runtime.run(script, *where, json.dumps(how), timeout_s=300))


def named(spans: list[NodeSpan], name: str) -> list[NodeSpan]:
    """Return the spans of this name."""
    return [span for span in spans if span["name"] == name]


def one(spans: list[NodeSpan], name: str) -> NodeSpan:
    """Return the only span of this name."""
    (span,) = named(spans, name)
    return span
