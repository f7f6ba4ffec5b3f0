"""Which queues a process works, and how many jobs at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from loguru import logger
from pydantic import PydanticUserError

from midday_worker.definition.definition import JobDefinition
from midday_worker.definition.registry import JobRegistry
from midday_worker.engine.job.interruption import Grace
from midday_worker.engine.worker.config import WorkerConfig
from midday_worker.errors import ConfigurationError
from midday_worker.schema.paths import may_have
from midday_worker.settings.settings import Settings


@dataclass(frozen=True, slots=True)
class Plan:
    """The queues to work."""

    queues: tuple[WorkerConfig, ...]


def make_plan(registry: JobRegistry, *, only: Sequence[str] = (), concurrency: int = 5) -> Plan:
    """Return the queues of the registry's jobs that have a handler, each with its concurrency and rate limit.

    Args:
        registry: the jobs.
        only: work just these queues.
        concurrency: for queues that don't set their own; of those with batch handlers at least the largest `max_size`.

    Raises:
        ConfigurationError: there are no such jobs, `only` names a queue that none lives on, or a queue's own
            concurrency is smaller than the batches of one of its jobs.
        DefinitionError: a job's versions have a gap.
    """
    for definition in registry:
        definition.check_versions()
    named = sorted({definition.queue for definition in registry.handled()})
    if not named:
        raise ConfigurationError(
            f"{_no_jobs(registry)}, so there is nothing to run. Name the package that defines them, for example "
            "--import my_service.jobs, or set WORKER_IMPORTS."
        )
    unknown = [name for name in only if name not in named]
    if unknown:
        raise ConfigurationError(
            f"{_no_jobs_on(registry, unknown[0])} (from --queues or WORKER_QUEUES). "
            f"Queues with jobs: {', '.join(named)}."
        )
    worked = [name for name in named if not only or name in only]
    for name in worked:
        _tell_of_idle_limits(registry, name)
    return Plan(tuple(_config(registry, name, concurrency) for name in worked))


def plan_from_settings(registry: JobRegistry, settings: Settings) -> Plan:
    """Return the plan that the settings ask for, see `make_plan`."""
    plan = make_plan(registry, only=settings.worker_queues, concurrency=settings.concurrency)
    return Plan(
        tuple(
            replace(
                config,
                lock_duration_ms=settings.lock_duration,
                stalled_interval_ms=settings.stalled_interval,
                max_stalled_count=settings.max_stalled_count,
                grace=grace_from(settings),
            )
            for config in plan.queues
        )
    )


def grace_from(settings: Settings) -> Grace:
    """Return how long a handler that is told to stop may take."""
    return Grace(settings.cancel_grace / 1000, settings.cut_grace / 1000)


def _tell_of_idle_limits(registry: JobRegistry, queue: str) -> None:
    """Warn of limits per key whose path no payload can have: a misspelt one would limit nothing, without a word."""
    limits = registry.queues.get(queue).limits
    try:
        schemas = [each.schema.json_schema() for each in registry if each.queue == queue] if limits else []
    except PydanticUserError:  # one has no JSON Schema: nobody knows
        return
    for path in {limit.path for limit in limits if not any(may_have(schema, limit.path) for schema in schemas)}:
        logger.warning(
            "queue {queue} has a limit for {path!r}, and no job of it that is defined here has such a field: it limits "
            "nothing. Its name is that of the payload's JSON: teamId, not team_id.",
            queue=queue,
            path=path,
        )


def _no_jobs(registry: JobRegistry) -> str:
    declared = registry.declared()
    if not declared:
        return "No jobs are registered"
    return f"No jobs with a handler are registered, only {_listed(declared)}, declared to be run elsewhere"


def _no_jobs_on(registry: JobRegistry, queue: str) -> str:
    declared = registry.declared(queue)
    if not declared:
        return f"No job lives on queue {queue!r}"
    return f"Queue {queue!r} has no job with a handler, only {_listed(declared)}, declared to be run elsewhere"


def _listed(declared: Sequence[JobDefinition[object, object]]) -> str:
    return ", ".join(repr(definition.id) for definition in declared)


def _config(registry: JobRegistry, name: str, concurrency: int) -> WorkerConfig:
    queue = registry.queues.get(name)
    limit = queue.rate_limit
    largest = max(registry.handled(name), key=lambda job: job.batch_size)
    if queue.concurrency is not None and queue.concurrency < largest.batch_size:
        raise ConfigurationError(
            f"Job {largest.id!r} ({largest.defined_at}) is handled in batches of up to {largest.batch_size}, but "
            f"its queue {name!r} ({queue.defined_at}) has concurrency={queue.concurrency}: none can become so large. "
            "Raise the concurrency, lower BatchOptions.max_size, or leave the concurrency out."
        )
    return WorkerConfig(
        queue=name,
        prefix=queue.prefix,
        concurrency=queue.concurrency or max(concurrency, largest.batch_size),
        rate_limit=None if limit is None else (limit.max, limit.per_ms),
        limits=tuple(limit.wire for limit in queue.limits),
    )
