"""What a job's definition says of a failed attempt: whether the job is tried again, and when."""

from __future__ import annotations

from collections.abc import Sequence

from loguru import logger

from midday_worker.engine.job.job import Job
from midday_worker.engine.wire.backoff import is_final, retry_delay_ms
from midday_worker.engine.wire.options import asks_function
from midday_worker.errors import RetryAfter
from midday_worker.options import BackoffFunction, ResolvedOptions
from midday_worker.settings.durations import to_milliseconds


def decide(job: Job, options: ResolvedOptions, error: BaseException) -> None:
    """Note on a job whose attempt has failed what its definition says; what Redis holds is up to the engine.

    What a handler raises in so many words goes first: `NonRetryableError` and `RetryAfter` are obeyed whatever the
    definition says.
    """
    if isinstance(error, RetryAfter) or is_final(error):
        return
    if is_forbidden(error, options.retry_on, options.fail_on):
        job.attempt.is_last = True
        return
    function = options.backoff.function
    if function is None or not asks_function(job.opts) or job.delay_before_next(error) is None:
        return
    job.attempt.next_delay_ms = _asked(function, job, error)
    job.attempt.is_last = job.attempt.next_delay_ms is None


def is_forbidden(
    error: BaseException, retry_on: Sequence[type[Exception]] | None, fail_on: Sequence[type[Exception]]
) -> bool:
    """Return whether the classes forbid to try again after this error. Of two that match, the nearer one decides.

    >>> is_forbidden(ConnectionResetError(), [ConnectionError], [OSError])
    False
    >>> is_forbidden(FileNotFoundError(), [ConnectionError], [OSError])
    True
    """
    if not retry_on and not fail_on:
        return retry_on is not None
    for ancestor in type(error).__mro__:
        if ancestor in fail_on:
            return True
        if retry_on and ancestor in retry_on:
            return False
    return retry_on is not None


def _asked(function: BackoffFunction, job: Job, error: BaseException) -> int | None:
    attempt = job.attemptsMade + 1
    try:
        # What isn't an Exception fails an attempt too, and a function that is asked has to be told of it.
        answer = function(attempt, error if isinstance(error, Exception) else RuntimeError(repr(error)))
        return None if answer is None else to_milliseconds(answer, "the backoff function's answer")
    except BaseException as broken:  # whatever it is: the job has failed already, and has to be put somewhere
        logger.opt(exception=broken).warning("the backoff function failed; the job waits as by default")
        return retry_delay_ms(error, job.opts.get("backoff"), attempt)
