"""Every error that this library raises.

::

    MiddayWorkerError
    ├── ConfigurationError              a setting, URL or import is wrong
    │   ├── DatabaseNotConfiguredError  `ctx.db` used without a database
    │   ├── ImportFailedError           a module named by `--import` can't be imported
    │   └── OutboxError                 `session=`, and its database has no table for it
    ├── DefinitionError                 `job()` or `queue()` called wrongly
    │   ├── DuplicateJobError
    │   ├── DuplicateQueueError
    │   └── SchemaError                 values of this type can't travel
    ├── ContractError                   a contract can't be read or written, or a schema not imported
    ├── DatabaseUnavailableError        the database doesn't answer
    ├── SessionEndedError               `ctx.db` used after its job had ended
    ├── NoHandlerError                  a job that is declared, to be run elsewhere, was to run here
    ├── NewerVersionError               a job's payload is of a newer version than is known here
    ├── UnknownJobError                 no job of this id in the registry
    ├── InvalidInputError (ValueError)  what a caller passed is wrong; nothing was written
    │   ├── PayloadError
    │   ├── OptionError
    │   ├── DurationError
    │   ├── ScheduleError
    │   └── FlowError
    ├── EngineError                     Redis or the engine refused
    │   ├── RedisUnavailableError
    │   │   └── NotReplicatedError      written, and too few replicas have it (REDIS_WAIT_REPLICAS)
    │   ├── RedisRefusedError
    │   ├── ClientClosedError
    │   └── EnqueueError
    ├── JobFailedError                  a job that was waited for failed
    ├── JobResultTimeoutError (TimeoutError)
    ├── JobNotFoundError
    ├── JobStateError                   the job's state doesn't allow what was asked
    │   └── ScheduledRunError
    ├── QueueStateError                 a queue isn't
    ├── QueueNotFoundError              Redis holds no such queue
    ├── NonRetryableError               raise it in a handler: fail without further attempts
    │   ├── JobCancelledError           the job was cancelled while it ran
    │   ├── MiddlewareError             a middleware returned nothing, or called twice what it calls once
    │   ├── JobDeadlineError            the job's `deadline=` had passed before it started
    │   └── ResultError                 the handler's result can't be dumped
    ├── RetryAfter                      raise it in a handler: try again after a delay
    ├── JobTimeoutError (TimeoutError)  an attempt took longer than `timeout=`
    ├── JobProcessError                 the process of a handler ended before the handler did
    └── RunningLoopError (RuntimeError) a blocking call in a thread that runs an event loop
"""

from midday_worker.errors.blocking import RunningLoopError
from midday_worker.errors.configuration import (
    ConfigurationError,
    DatabaseNotConfiguredError,
    DatabaseUnavailableError,
    ImportFailedError,
    OutboxError,
    SessionEndedError,
)
from midday_worker.errors.contract import ContractError
from midday_worker.errors.definition import (
    DefinitionError,
    DuplicateJobError,
    DuplicateQueueError,
    NewerVersionError,
    NoHandlerError,
    SchemaError,
    UnknownJobError,
)
from midday_worker.errors.engine import (
    ClientClosedError,
    EngineError,
    EnqueueError,
    NotReplicatedError,
    RedisRefusedError,
    RedisUnavailableError,
)
from midday_worker.errors.invalid_input import (
    DurationError,
    FieldProblem,
    FlowError,
    InvalidInputError,
    OptionError,
    PayloadError,
    ScheduleError,
)
from midday_worker.errors.middleware import MiddlewareError, middleware_name
from midday_worker.errors.outcome import (
    CANCELLED,
    JobCancelledError,
    JobDeadlineError,
    JobFailedError,
    JobNotFoundError,
    JobResultTimeoutError,
    JobStateError,
    JobTimeoutError,
    NonRetryableError,
    ResultError,
    RetryAfter,
)
from midday_worker.errors.processes import JobProcessError
from midday_worker.errors.root import MiddayWorkerError
from midday_worker.errors.state import QueueNotFoundError, QueueStateError, ScheduledRunError

__all__ = [
    "CANCELLED",
    "ClientClosedError",
    "ConfigurationError",
    "ContractError",
    "DatabaseNotConfiguredError",
    "DatabaseUnavailableError",
    "DefinitionError",
    "DuplicateJobError",
    "DuplicateQueueError",
    "DurationError",
    "EngineError",
    "EnqueueError",
    "FieldProblem",
    "FlowError",
    "ImportFailedError",
    "InvalidInputError",
    "JobCancelledError",
    "JobDeadlineError",
    "JobFailedError",
    "JobNotFoundError",
    "JobProcessError",
    "JobResultTimeoutError",
    "JobStateError",
    "JobTimeoutError",
    "MiddayWorkerError",
    "MiddlewareError",
    "NewerVersionError",
    "NoHandlerError",
    "NonRetryableError",
    "NotReplicatedError",
    "OptionError",
    "OutboxError",
    "PayloadError",
    "QueueNotFoundError",
    "QueueStateError",
    "RedisRefusedError",
    "RedisUnavailableError",
    "ResultError",
    "RetryAfter",
    "RunningLoopError",
    "ScheduleError",
    "ScheduledRunError",
    "SchemaError",
    "SessionEndedError",
    "UnknownJobError",
    "middleware_name",
]
