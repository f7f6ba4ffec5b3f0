"""Typed background jobs on BullMQ's queues, shared with Node.

Define a job with `job()`, trigger it from anywhere with `.trigger()`, run it with ``midday-worker run``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from midday_worker.client.client import JobClient as JobClient
    from midday_worker.client.client import SyncJobClient as SyncJobClient
    from midday_worker.client.client import close_clients as close_clients
    from midday_worker.databases.provider import database as database
    from midday_worker.definition.batch_definition import BatchDefinition as BatchDefinition
    from midday_worker.definition.bulk import BulkItem as BulkItem
    from midday_worker.definition.bulk import FlowItem as FlowItem
    from midday_worker.definition.declaration import JobDeclaration as JobDeclaration
    from midday_worker.definition.declared_schedule import DeclaredSchedule as DeclaredSchedule
    from midday_worker.definition.declared_schedule import cron as cron
    from midday_worker.definition.declared_schedule import every as every
    from midday_worker.definition.definition import JobDefinition as JobDefinition
    from midday_worker.definition.factory import job as job
    from midday_worker.definition.flow import FlowChild as FlowChild
    from midday_worker.definition.registry import JobRegistry as JobRegistry
    from midday_worker.definition.registry import default_registry as default_registry
    from midday_worker.definition.registry import execute_job as execute_job
    from midday_worker.definition.spread import Spread as Spread
    from midday_worker.definition.spread import spread as spread
    from midday_worker.definition.sync_triggers import SyncTriggers as SyncTriggers
    from midday_worker.engine.acts.cancellation import CancelOutcome as CancelOutcome
    from midday_worker.engine.job.job import Job as Job
    from midday_worker.engine.producer.schedule import Schedule as Schedule
    from midday_worker.errors import ConfigurationError as ConfigurationError
    from midday_worker.errors import DefinitionError as DefinitionError
    from midday_worker.errors import EnqueueError as EnqueueError
    from midday_worker.errors import InvalidInputError as InvalidInputError
    from midday_worker.errors import JobCancelledError as JobCancelledError
    from midday_worker.errors import JobFailedError as JobFailedError
    from midday_worker.errors import JobNotFoundError as JobNotFoundError
    from midday_worker.errors import JobResultTimeoutError as JobResultTimeoutError
    from midday_worker.errors import JobStateError as JobStateError
    from midday_worker.errors import JobTimeoutError as JobTimeoutError
    from midday_worker.errors import MiddayWorkerError as MiddayWorkerError
    from midday_worker.errors import MiddlewareError as MiddlewareError
    from midday_worker.errors import NonRetryableError as NonRetryableError
    from midday_worker.errors import NotReplicatedError as NotReplicatedError
    from midday_worker.errors import OptionError as OptionError
    from midday_worker.errors import PayloadError as PayloadError
    from midday_worker.errors import RedisRefusedError as RedisRefusedError
    from midday_worker.errors import RedisUnavailableError as RedisUnavailableError
    from midday_worker.errors import RetryAfter as RetryAfter
    from midday_worker.errors import ScheduledRunError as ScheduledRunError
    from midday_worker.handles.handle import JobHandle as JobHandle
    from midday_worker.handles.handle import ScheduleHandle as ScheduleHandle
    from midday_worker.handles.outcomes import as_completed as as_completed
    from midday_worker.handles.outcomes import results as results
    from midday_worker.handles.sync_handle import SyncJobHandle as SyncJobHandle
    from midday_worker.handles.sync_handle import SyncScheduleHandle as SyncScheduleHandle
    from midday_worker.handles.sync_outcomes import sync_as_completed as sync_as_completed
    from midday_worker.handles.sync_outcomes import sync_results as sync_results
    from midday_worker.handling.attempt_call import AttemptCall as AttemptCall
    from midday_worker.handling.attempt_call import AttemptMiddleware as AttemptMiddleware
    from midday_worker.handling.attempt_call import AttemptNext as AttemptNext
    from midday_worker.handling.batch_context import BatchContext as BatchContext
    from midday_worker.handling.context import JobContext as JobContext
    from midday_worker.handling.dependencies import Depends as Depends
    from midday_worker.handling.hooks import Hooks as Hooks
    from midday_worker.handling.hooks import JobEvent as JobEvent
    from midday_worker.handling.job_runner import ExecutableJob as ExecutableJob
    from midday_worker.handling.middleware import Middleware as Middleware
    from midday_worker.handling.sync_context import SyncJob as SyncJob
    from midday_worker.handling.sync_context import SyncJobContext as SyncJobContext
    from midday_worker.options import Backoff as Backoff
    from midday_worker.options import BackoffFunction as BackoffFunction
    from midday_worker.options import CallOptions as CallOptions
    from midday_worker.options import Deduplication as Deduplication
    from midday_worker.options import JobOptions as JobOptions
    from midday_worker.options import ResolvedOptions as ResolvedOptions
    from midday_worker.options import Retention as Retention
    from midday_worker.options.batch_options import BatchOptions as BatchOptions
    from midday_worker.queues import QueueDefinition as QueueDefinition
    from midday_worker.queues import QueueRegistry as QueueRegistry
    from midday_worker.queues import RateLimit as RateLimit
    from midday_worker.queues import queue as queue
    from midday_worker.queues.per_key import PerKey as PerKey
    from midday_worker.request import EnqueueCall as EnqueueCall
    from midday_worker.request import EnqueueMiddleware as EnqueueMiddleware
    from midday_worker.request import EnqueueNext as EnqueueNext
    from midday_worker.request import FailurePolicy as FailurePolicy
    from midday_worker.request import JobRequest as JobRequest
    from midday_worker.schema.schema import Payload as Payload
    from midday_worker.settings.durations import Duration as Duration
    from midday_worker.settings.durations import to_milliseconds as to_milliseconds
    from midday_worker.settings.settings import Settings as Settings

__version__ = "0.1.0"

# Loaded on first use: the command line answers --help without SQLAlchemy and Redis.
_HOMES: Final = {
    "midday_worker.client.client": "JobClient SyncJobClient close_clients",
    "midday_worker.databases.provider": "database",
    "midday_worker.definition.batch_definition": "BatchDefinition",
    "midday_worker.definition.bulk": "BulkItem FlowItem",
    "midday_worker.definition.declaration": "JobDeclaration",
    "midday_worker.definition.declared_schedule": "DeclaredSchedule cron every",
    "midday_worker.definition.definition": "JobDefinition",
    "midday_worker.definition.factory": "job",
    "midday_worker.definition.flow": "FlowChild",
    "midday_worker.definition.registry": "JobRegistry default_registry execute_job",
    "midday_worker.definition.spread": "Spread spread",
    "midday_worker.definition.sync_triggers": "SyncTriggers",
    "midday_worker.engine.acts.cancellation": "CancelOutcome",
    "midday_worker.engine.job.job": "Job",
    "midday_worker.engine.producer.schedule": "Schedule",
    "midday_worker.errors": (
        "ConfigurationError DefinitionError EnqueueError InvalidInputError JobCancelledError JobFailedError "
        "JobNotFoundError JobResultTimeoutError JobStateError JobTimeoutError MiddayWorkerError "
        "MiddlewareError "
        "NonRetryableError NotReplicatedError OptionError PayloadError RedisRefusedError RedisUnavailableError "
        "RetryAfter ScheduledRunError"
    ),
    "midday_worker.handles.handle": "JobHandle ScheduleHandle",
    "midday_worker.handles.outcomes": "as_completed results",
    "midday_worker.handles.sync_handle": "SyncJobHandle SyncScheduleHandle",
    "midday_worker.handles.sync_outcomes": "sync_as_completed sync_results",
    "midday_worker.handling.job_runner": "ExecutableJob",
    "midday_worker.handling.batch_context": "BatchContext",
    "midday_worker.handling.context": "JobContext",
    "midday_worker.handling.dependencies": "Depends",
    "midday_worker.handling.hooks": "Hooks JobEvent",
    "midday_worker.handling.attempt_call": "AttemptCall AttemptMiddleware AttemptNext",
    "midday_worker.handling.middleware": "Middleware",
    "midday_worker.handling.sync_context": "SyncJob SyncJobContext",
    "midday_worker.options": "Backoff BackoffFunction CallOptions Deduplication JobOptions ResolvedOptions Retention",
    "midday_worker.options.batch_options": "BatchOptions",
    "midday_worker.queues": "QueueDefinition QueueRegistry RateLimit queue",
    "midday_worker.queues.per_key": "PerKey",
    "midday_worker.request": "EnqueueCall EnqueueMiddleware EnqueueNext FailurePolicy JobRequest",
    "midday_worker.schema.schema": "Payload",
    "midday_worker.settings.durations": "Duration to_milliseconds",
    "midday_worker.settings.settings": "Settings",
}

# Computed, as the names stand above twice already: for the type checkers, and for whoever runs it.
__all__ = sorted(name for names in _HOMES.values() for name in names.split())  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    for module, names in _HOMES.items():
        if name in names.split():
            value: object = getattr(import_module(module), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
