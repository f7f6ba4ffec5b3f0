"""A snapshot in Prometheus's text form. The one place that imports prometheus-client."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from midday_worker.telemetry.metrics.catalogue import INSTRUMENTS
from midday_worker.telemetry.metrics.distribution import Bounds
from midday_worker.telemetry.metrics.snapshot import Snapshot, Values

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST


class _SnapshotCollector(Collector):
    """Hands a snapshot to prometheus-client."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        """Return each metric with its values."""
        for name, series in self._snapshot:
            instrument = INSTRUMENTS[name]
            if instrument.kind == "histogram":
                histogram = HistogramMetricFamily(name, instrument.help, labels=instrument.labels)
                for labels, (total, *counts) in series.items():
                    histogram.add_metric(labels, _buckets(instrument.bounds, counts), total)
                yield histogram
                continue
            plain = (CounterMetricFamily if instrument.kind == "counter" else GaugeMetricFamily)(
                name, instrument.help, labels=instrument.labels
            )
            for labels, (value,) in series.items():
                plain.add_metric(labels, value)
            yield plain


def expose(snapshot: Snapshot) -> bytes:
    """Return the metrics as Prometheus reads them."""
    registry = CollectorRegistry()
    registry.register(_SnapshotCollector(snapshot))
    return generate_latest(registry)


def _buckets(bounds: Bounds, counts: Values) -> list[tuple[str, float]]:
    limits = [*map(str, bounds), "+Inf"]
    return list(zip(limits, accumulate(counts), strict=True))
