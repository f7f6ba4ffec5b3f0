"""Batch handlers: jobs whose handler is given many at once."""

from midday_worker.batching.batch import Batch
from midday_worker.batching.collector import Collector
from midday_worker.batching.context import BatchContext
from midday_worker.batching.definition import BatchDefinition, BatchHandler
from midday_worker.batching.options import BatchOptions

__all__ = ["Batch", "BatchContext", "BatchDefinition", "BatchHandler", "BatchOptions", "Collector"]
