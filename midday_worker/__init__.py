"""Typed background jobs on BullMQ's queues, shared with Node.

Define a job with `job()`, trigger it from anywhere with `.trigger()`, run it with ``midday-worker run``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from midday_worker.attempt import ExecutableJob
    from midday_worker.batching import BatchContext, BatchDefinition, BatchOptions
    from midday_worker.bulk import BatchItem, FlowItem
    from midday_worker.client import JobClient, SyncJobClient, close
    from midday_worker.context import JobContext
    from midday_worker.declaration import JobDeclaration
    from midday_worker.definition import JobDefinition
    from midday_worker.durations import Duration, to_milliseconds
    from midday_worker.engine.cancellation import CancelOutcome
    from midday_worker.errors import (
        ClientClosedError,
        ConfigurationError,
        DatabaseNotConfiguredError,
        DefinitionError,
        DuplicateJobError,
        DuplicateQueueError,
        DurationError,
        EngineError,
        EnqueueError,
        FieldProblem,
        FlowError,
        ImportFailedError,
        InvalidInputError,
        JobCancelledError,
        JobDeadlineError,
        JobFailedError,
        JobNotFoundError,
        JobProcessError,
        JobResultTimeout,
        JobStateError,
        JobTimeoutError,
        MiddayWorkerError,
        NoHandlerError,
        NonRetryableError,
        OptionError,
        PayloadError,
        RedisRefusedError,
        RedisUnavailableError,
        ResultError,
        RetryAfter,
        RunningLoopError,
        ScheduleError,
        SchemaError,
        SessionEndedError,
        UnknownJobError,
    )
    from midday_worker.factory import job
    from midday_worker.flow import Child
    from midday_worker.handle import JobHandle, ScheduleHandle
    from midday_worker.hooks import Hooks, JobEvent
    from midday_worker.options import (
        Backoff,
        BackoffFunction,
        CallOptions,
        Deduplication,
        ErrorClasses,
        JobOptions,
        Keep,
    )
    from midday_worker.outcomes import as_completed, results
    from midday_worker.queues import QueueDefinition, QueueRegistry, RateLimit, queue
    from midday_worker.registry import JobRegistry, default_registry, execute_job
    from midday_worker.request import FailurePolicy, JobRequest
    from midday_worker.schema import Payload
    from midday_worker.settings import Settings
    from midday_worker.sync_context import SyncJob, SyncJobContext
    from midday_worker.sync_handle import SyncJobHandle, SyncScheduleHandle
    from midday_worker.sync_outcomes import sync_as_completed, sync_results

__version__ = "0.1.0"

__all__ = [
    "Backoff",
    "BackoffFunction",
    "BatchContext",
    "BatchDefinition",
    "BatchItem",
    "BatchOptions",
    "CallOptions",
    "CancelOutcome",
    "Child",
    "ClientClosedError",
    "ConfigurationError",
    "DatabaseNotConfiguredError",
    "Deduplication",
    "DefinitionError",
    "DuplicateJobError",
    "DuplicateQueueError",
    "Duration",
    "DurationError",
    "EngineError",
    "EnqueueError",
    "ErrorClasses",
    "ExecutableJob",
    "FailurePolicy",
    "FieldProblem",
    "FlowError",
    "FlowItem",
    "Hooks",
    "ImportFailedError",
    "InvalidInputError",
    "JobCancelledError",
    "JobClient",
    "JobContext",
    "JobDeadlineError",
    "JobDeclaration",
    "JobDefinition",
    "JobEvent",
    "JobFailedError",
    "JobHandle",
    "JobNotFoundError",
    "JobOptions",
    "JobProcessError",
    "JobRegistry",
    "JobRequest",
    "JobResultTimeout",
    "JobStateError",
    "JobTimeoutError",
    "Keep",
    "MiddayWorkerError",
    "NoHandlerError",
    "NonRetryableError",
    "OptionError",
    "Payload",
    "PayloadError",
    "QueueDefinition",
    "QueueRegistry",
    "RateLimit",
    "RedisRefusedError",
    "RedisUnavailableError",
    "ResultError",
    "RetryAfter",
    "RunningLoopError",
    "ScheduleError",
    "ScheduleHandle",
    "SchemaError",
    "SessionEndedError",
    "Settings",
    "SyncJob",
    "SyncJobClient",
    "SyncJobContext",
    "SyncJobHandle",
    "SyncScheduleHandle",
    "UnknownJobError",
    "as_completed",
    "close",
    "default_registry",
    "execute_job",
    "job",
    "queue",
    "results",
    "sync_as_completed",
    "sync_results",
    "to_milliseconds",
]

# Loaded on first use: the command line answers --help without SQLAlchemy and Redis.
_HOMES: Final = {
    "midday_worker.engine.cancellation": "CancelOutcome",
    "midday_worker.attempt": "ExecutableJob",
    "midday_worker.bulk": "BatchItem FlowItem",
    "midday_worker.batching": "BatchContext BatchDefinition BatchOptions",
    "midday_worker.client": "JobClient SyncJobClient close",
    "midday_worker.context": "JobContext",
    "midday_worker.declaration": "JobDeclaration",
    "midday_worker.definition": "JobDefinition",
    "midday_worker.flow": "Child",
    "midday_worker.durations": "Duration to_milliseconds",
    "midday_worker.errors": (
        "ClientClosedError ConfigurationError DatabaseNotConfiguredError DefinitionError DuplicateJobError "
        "DuplicateQueueError DurationError EngineError EnqueueError FieldProblem FlowError ImportFailedError "
        "InvalidInputError JobCancelledError JobDeadlineError JobFailedError JobNotFoundError JobProcessError "
        "JobResultTimeout "
        "JobStateError JobTimeoutError MiddayWorkerError NoHandlerError "
        "NonRetryableError OptionError PayloadError RedisRefusedError RedisUnavailableError ResultError "
        "RetryAfter RunningLoopError ScheduleError SchemaError SessionEndedError "
        "UnknownJobError "
    ),
    "midday_worker.factory": "job",
    "midday_worker.handle": "JobHandle ScheduleHandle",
    "midday_worker.hooks": "Hooks JobEvent",
    "midday_worker.options": ("Backoff BackoffFunction CallOptions Deduplication ErrorClasses JobOptions Keep"),
    "midday_worker.queues": "QueueDefinition QueueRegistry RateLimit queue",
    "midday_worker.registry": "JobRegistry default_registry execute_job",
    "midday_worker.request": "FailurePolicy JobRequest",
    "midday_worker.outcomes": "as_completed results",
    "midday_worker.schema": "Payload",
    "midday_worker.settings": "Settings",
    "midday_worker.sync_context": "SyncJob SyncJobContext",
    "midday_worker.sync_handle": "SyncJobHandle SyncScheduleHandle",
    "midday_worker.sync_outcomes": "sync_as_completed sync_results",
}


def __getattr__(name: str) -> object:
    for module, names in _HOMES.items():
        if name in names.split():
            value: object = getattr(import_module(module), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
