"""Typed background jobs on BullMQ's queues, shared with Node.

Define a job with `job()`, trigger it from anywhere with `.trigger()`, run it with ``midday-worker run``.
"""

from midday_worker.attempt import ExecutableJob
from midday_worker.client import JobClient, close
from midday_worker.context import JobContext
from midday_worker.definition import BatchItem, Child, JobDefinition
from midday_worker.durations import Duration
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
    JobFailedError,
    JobNotFoundError,
    JobResultTimeout,
    JobTimeoutError,
    MiddayWorkerError,
    NonRetryableError,
    OptionError,
    PayloadError,
    RedisRefusedError,
    RedisUnavailableError,
    ResultError,
    RetryAfter,
    ScheduleError,
    SchemaError,
    UnknownJobError,
)
from midday_worker.handle import JobHandle, ScheduleHandle
from midday_worker.options import Backoff, CallOptions, Deduplication, JobOptions, Keep
from midday_worker.queues import QueueDefinition, QueueRegistry, RateLimit, queue
from midday_worker.registry import JobRegistry, execute_job, job, registry
from midday_worker.request import FailurePolicy, JobRequest
from midday_worker.schema import Payload
from midday_worker.settings import Settings

__version__ = "0.1.0"

__all__ = [
    "Backoff",
    "BatchItem",
    "CallOptions",
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
    "ExecutableJob",
    "FailurePolicy",
    "FieldProblem",
    "FlowError",
    "ImportFailedError",
    "InvalidInputError",
    "JobClient",
    "JobContext",
    "JobDefinition",
    "JobFailedError",
    "JobHandle",
    "JobNotFoundError",
    "JobOptions",
    "JobRegistry",
    "JobRequest",
    "JobResultTimeout",
    "JobTimeoutError",
    "Keep",
    "MiddayWorkerError",
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
    "ScheduleError",
    "ScheduleHandle",
    "SchemaError",
    "Settings",
    "UnknownJobError",
    "close",
    "execute_job",
    "job",
    "queue",
    "registry",
]
