"""What the form for adding a job to a queue knows."""

from __future__ import annotations

from collections.abc import Sequence

from midday_worker.definition.definition import JobDefinition
from midday_worker.definition.registry import JobRegistry
from midday_worker.engine.wire.options import encode
from midday_worker.options import merge
from midday_worker.schema.schema import joint_json_schema


def job_data_schema(definitions: Sequence[JobDefinition[object, object]]) -> dict[str, object]:
    """Return the JSON Schema of what a queue's jobs accept; empty for a queue without jobs of ours."""
    if not definitions:
        return {}
    if len(definitions) == 1:
        return definitions[0].schema.json_schema()
    return joint_json_schema({definition.id: definition.schema for definition in definitions})


def job_defaults(registry: JobRegistry, queue: str) -> dict[str, object]:
    """Return the options that a queue gives its jobs, in BullMQ's form."""
    return encode(merge(registry.queues.get(queue).options))
