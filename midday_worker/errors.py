"""Every error that this library raises.

::

    MiddayWorkerError
    ├── ConfigurationError              a setting, URL or import is wrong
    │   ├── DatabaseNotConfiguredError  `ctx.db` used without a database
    │   └── ImportFailedError           a module named by `--import` can't be imported
    ├── DefinitionError                 `job()` or `queue()` called wrongly
    │   ├── DuplicateJobError
    │   ├── DuplicateQueueError
    │   └── SchemaError                 values of this type can't travel
    ├── DatabaseUnavailableError        the database doesn't answer
    ├── UnknownJobError                 no job of this id in the registry
    ├── InvalidInputError (ValueError)  what a caller passed is wrong; nothing was written
    │   ├── PayloadError
    │   ├── OptionError
    │   ├── DurationError
    │   ├── ScheduleError
    │   └── FlowError
    ├── EngineError                     Redis or the engine refused
    │   ├── RedisUnavailableError
    │   ├── RedisRefusedError
    │   ├── ClientClosedError
    │   └── EnqueueError
    ├── JobFailedError                  a job that was waited for failed
    ├── JobResultTimeout (TimeoutError)
    ├── JobNotFoundError
    ├── NonRetryableError               raise it in a handler: fail without further attempts
    │   └── ResultError                 the handler's result can't be dumped
    ├── RetryAfter                      raise it in a handler: try again after a delay
    └── JobTimeoutError (TimeoutError)  an attempt took longer than `timeout=`
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta


class MiddayWorkerError(Exception):
    """The base of every error of this library."""


class ConfigurationError(MiddayWorkerError):
    """A setting is wrong: the message names it, its value and what is accepted."""


class DatabaseNotConfiguredError(ConfigurationError):
    """A job used `ctx.db`, but no database is configured."""

    def __init__(self) -> None:
        super().__init__(
            "This job uses ctx.db, but no database is configured. "
            "Set DATABASE_PRIMARY_URL, for example postgresql://user:password@localhost:5432/app."
        )


class DatabaseUnavailableError(MiddayWorkerError):
    """The database doesn't answer, or refuses the connection."""

    def __init__(self, url: str, reason: str) -> None:
        self.url = url
        super().__init__(f"The database {url} can't be used: {reason}")


class ImportFailedError(ConfigurationError):
    """A module that holds jobs could not be imported."""

    def __init__(self, module: str, reason: str) -> None:
        self.module = module
        super().__init__(f"Can't import {module!r}: {reason}")


class DefinitionError(MiddayWorkerError):
    """A job or a queue is defined wrongly."""


class DuplicateJobError(DefinitionError):
    """Two jobs of one registry have the same id."""

    def __init__(self, job: str, first: str, second: str) -> None:
        self.job = job
        super().__init__(
            f"A job named {job!r} is defined twice: first at {first}, again at {second}. "
            "Give one of them another id, or a JobRegistry of its own."
        )


class DuplicateQueueError(DefinitionError):
    """Two queues have the same name."""

    def __init__(self, queue: str, first: str, second: str) -> None:
        self.queue = queue
        super().__init__(
            f"A queue named {queue!r} is configured twice: first at {first}, again at {second}. "
            "Configure a queue once and import the object where it is needed."
        )


class SchemaError(DefinitionError):
    """Values of this schema can't travel through JSON and come back equal."""


class UnknownJobError(MiddayWorkerError):
    """No job of this id is registered."""

    def __init__(self, job: str, near: Sequence[str] = (), known: int = 0) -> None:
        self.job = job
        self.near = tuple(near)
        hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
        super().__init__(
            f"No job named {job!r} is registered ({known} are).{hint} "
            "Jobs register when their module is imported: import it, or name it with --import or WORKER_IMPORTS."
        )


class InvalidInputError(MiddayWorkerError, ValueError):
    """What the caller passed is wrong. Nothing was written to Redis."""


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One thing that is wrong with a payload: where, what, and the offending value, which no text shows by itself."""

    path: str
    message: str
    value: object = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class PayloadError(InvalidInputError):
    """A payload doesn't match its job's schema, or can't travel.

    `problems` names each field by its path and holds its value. The message holds no values: it may go to a log, and
    payloads may hold personal data; `with_values()` is for whoever passed the payload.
    """

    def __init__(self, job: str, problems: Iterable[FieldProblem], where: str = "payload") -> None:
        self.job = job
        self.problems = tuple(problems)
        listed = "; ".join(map(str, self.problems))
        super().__init__(f"Invalid {where} for job {job!r}: {listed}")

    def with_values(self) -> str:
        """Return the message with the offending values, where they are plain and short."""
        shown = [
            f"{problem} (got {problem.value!r})" if _is_plain(problem.value) else str(problem)
            for problem in self.problems
        ]
        return f"{str(self).partition(': ')[0]}: {'; '.join(shown)}"


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float) and len(repr(value)) <= 60


class OptionError(InvalidInputError):
    """An option is misspelt, of the wrong type, or out of range."""

    def __init__(self, option: str, message: str) -> None:
        self.option = option
        super().__init__(message)


class DurationError(InvalidInputError):
    """A duration isn't a number of milliseconds, a text such as "30s", or a timedelta."""


class ScheduleError(InvalidInputError):
    """A cron pattern, a time zone, or the bounds of a schedule are wrong."""

    def __init__(self, message: str, *, pattern: str | None = None, tz: str | None = None) -> None:
        self.pattern = pattern
        self.tz = tz
        super().__init__(message)


class FlowError(InvalidInputError):
    """A flow's tree is of the wrong shape."""


class EngineError(MiddayWorkerError):
    """Redis, or the engine on it, could not do what was asked."""


class RedisUnavailableError(EngineError):
    """Redis could not be reached in time.

    `may_have_been_written` is true when a command was on its way as the connection broke: the job may exist.
    `job_ids` are the ids that were to be written; an id whose finished job is still kept is not run twice when
    it is sent again.
    """

    def __init__(self, message: str, *, may_have_been_written: bool = False, job_ids: Sequence[str] = ()) -> None:
        self.may_have_been_written = may_have_been_written
        self.job_ids = tuple(job_ids)
        super().__init__(message)


class RedisRefusedError(EngineError):
    """Redis answered, and refused: a wrong password, no permission, read-only, or out of memory."""


class ClientClosedError(EngineError):
    """A closed `JobClient` was used."""

    def __init__(self) -> None:
        super().__init__("This JobClient is closed. Make a new one, or trigger within its `async with` block.")


class EnqueueError(EngineError):
    """The engine refused a job: for instance, its parent doesn't exist."""

    def __init__(self, message: str, *, job: str, job_id: str | None = None) -> None:
        self.job = job
        self.job_id = job_id
        super().__init__(message)


class JobFailedError(MiddayWorkerError):
    """The awaited job failed for good."""

    def __init__(
        self, *, job: str, job_id: str, queue: str, reason: str, attempts: int, stacktrace: Sequence[str] = ()
    ) -> None:
        self.job = job
        self.job_id = job_id
        self.queue = queue
        self.reason = reason
        self.attempts = attempts
        self.stacktrace = tuple(stacktrace)
        super().__init__(f"Job {job!r} ({job_id}, queue {queue}) failed after {attempts} attempt(s): {reason}")


class JobResultTimeout(MiddayWorkerError, TimeoutError):
    """The awaited job had not ended when the time was up. It goes on."""

    def __init__(self, *, job_id: str, queue: str, timeout_ms: int, state: str) -> None:
        self.job_id = job_id
        self.queue = queue
        self.timeout_ms = timeout_ms
        self.state = state
        super().__init__(
            f"Job {job_id} (queue {queue}) had not ended after {timeout_ms} ms; its state was {state}. It goes on."
        )


class JobNotFoundError(MiddayWorkerError):
    """The job isn't in Redis (any more)."""

    def __init__(self, *, job_id: str, queue: str) -> None:
        self.job_id = job_id
        self.queue = queue
        super().__init__(
            f"No job {job_id} in queue {queue}: it was never written, was removed, or ended and was trimmed "
            "(remove_on_complete, remove_on_fail)."
        )


class NonRetryableError(MiddayWorkerError):
    """Raise it in a handler to fail the job at once, whatever attempts it has left."""


class ResultError(NonRetryableError):
    """A handler's result can't be dumped to JSON, or doesn't match the declared type.

    Not tried again: the handler's side effects have happened.
    """

    def __init__(self, job: str, type_name: str, reason: str) -> None:
        self.job = job
        self.type_name = type_name
        super().__init__(f"The result of job {job!r}, a {type_name}, can't be stored: {reason}")


class RetryAfter(MiddayWorkerError):
    """Raise it in a handler to be tried again after `delay`. It uses one of the job's attempts.

    Args:
        delay: milliseconds, a text such as "30s", or a `timedelta`.
        reason: what is shown as the attempt's failure.
    """

    def __init__(self, delay: int | str | timedelta, reason: str | None = None) -> None:
        self.delay = delay
        super().__init__(reason or f"to be retried after {delay}")


class JobTimeoutError(MiddayWorkerError, TimeoutError):
    """An attempt took longer than the job's `timeout`."""

    def __init__(self, job: str, timeout_ms: int) -> None:
        self.job = job
        self.timeout_ms = timeout_ms
        super().__init__(f"Job {job!r} took longer than its timeout of {timeout_ms} ms")
