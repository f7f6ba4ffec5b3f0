"""How jobs end, and what handlers raise."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from midday_worker.errors.root import MiddayWorkerError

CANCELLED = "cancelled: "
"""What the failed reason of a cancelled job begins with."""


class JobFailedError(MiddayWorkerError):
    """The awaited job failed for good.

    `attempts` is how often it was tried, 0 if that isn't known, as the job was removed when it failed; `stacktrace`
    has one text for each attempt, as many as are kept.
    """

    def __init__(
        self, *, job: str, job_id: str, queue: str, reason: str, attempts: int, stacktrace: Sequence[str] = ()
    ) -> None:
        self.job = job
        self.job_id = job_id
        self.queue = queue
        self.reason = reason
        self.attempts = attempts
        self.stacktrace = tuple(stacktrace)
        tried = f" after {attempts} attempt(s)" if attempts else ""
        super().__init__(f"Job {job!r} ({job_id}, queue {queue}) failed{tried}: {reason}")


class JobResultTimeoutError(MiddayWorkerError, TimeoutError):
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
    """The job isn't in Redis (any more). `why` says what is known of that; `queue` is None if all were looked at."""

    def __init__(self, *, job_id: str, queue: str | None, why: str | None = None) -> None:
        self.job_id = job_id
        self.queue = queue
        self.why = why or (
            "it was never written, was removed, or ended and was trimmed (remove_on_complete, remove_on_fail)"
        )
        where = "any queue" if queue is None else f"queue {queue}"
        super().__init__(f"No job {job_id} in {where}: {self.why}{'' if self.why.endswith('?') else '.'}")


class JobStateError(MiddayWorkerError):
    """The job's state doesn't allow what was asked. Nothing was changed.

    `state` is the state that was found, `allowed` those that allow it, `why` what else stands in the way.
    """

    def __init__(self, *, act: str, job_id: str, queue: str, state: str, allowed: Sequence[str], why: str = "") -> None:
        self.act = act
        self.job_id = job_id
        self.queue = queue
        self.state = state
        self.allowed = tuple(allowed)
        self.why = why
        reason = f" {why}" if why else f" Allowed: {', '.join(allowed)}."
        super().__init__(f"Job {job_id} of queue {queue} can't be {act}: it is {state}.{reason}")


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


class JobCancelledError(NonRetryableError):
    """A job was cancelled while it ran. `reason` is what the job's failed reason says."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class JobDeadlineError(NonRetryableError):
    """A job was to start by its `deadline`, which had passed when a worker took it: it didn't run."""

    def __init__(self, job: str, deadline: datetime) -> None:
        self.job = job
        self.deadline = deadline
        super().__init__(f"Job {job!r} was to start by {deadline.isoformat()}, its deadline, and didn't run")


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
    """An attempt took longer than the job's `timeout`. `line` is where the handler was, if that is known."""

    def __init__(self, job: str, timeout_ms: int, line: str | None = None) -> None:
        self.job = job
        self.timeout_ms = timeout_ms
        self.line = line
        where = "" if line is None else f"; it was at {line}"
        super().__init__(f"Job {job!r} took longer than its timeout of {timeout_ms} ms{where}")
