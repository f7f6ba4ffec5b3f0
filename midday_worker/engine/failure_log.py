"""The one line of the log that tells of a failed attempt, and of what follows it."""

from __future__ import annotations

from contextlib import suppress

from midday_worker.durations import from_milliseconds
from midday_worker.engine.job import Job
from midday_worker.engine.wire import attempts_of
from midday_worker.errors import JobCancelledError
from midday_worker.handler_traceback import handler_traceback
from midday_worker.logs import job_logger


def log_failure(job: Job, queue: str, error: BaseException, delay_ms: int | None) -> None:
    """Log that an attempt has failed, with its traceback: as an error if the job has failed for good.

    Args:
        job: the job, its attempt not counted yet.
        queue: its queue's name.
        error: what the attempt failed with.
        delay_ms: how long it waits for the next attempt; None if there is none.
    """
    attempt = job.attemptsMade + 1
    log = job_logger(job_id=job.id, job=job.name, queue=queue, attempt=attempt).bind(will_retry=delay_ms is not None)
    values: dict[str, object] = {"attempt": attempt, "attempts": attempts_of(job.opts)}
    after = ""
    if job.took_ms is not None:
        after, values["ms"] = " after {ms} ms", job.took_ms
    level, text = "ERROR", f"failed for good in attempt {{attempt}} of {{attempts}}{after}"
    if isinstance(error, JobCancelledError):  # somebody wanted it: no failure to be alarmed at
        level, text = "WARNING", f"cancelled in attempt {{attempt}} of {{attempts}}{after}"
    elif job.deferredFailure:  # a child's failure, or workers that were lost too often
        text = "failed for good, without another attempt"
    elif delay_ms is not None:
        log = log.bind(retry_in_ms=delay_ms)
        wait = f"in {from_milliseconds(delay_ms)}" if delay_ms else "at once"
        level, text = "WARNING", f"attempt {{attempt}} of {{attempts}} failed{after}, next attempt {wait}"
    with suppress(Exception):  # a patcher of the program's own may raise; the failure has to be stored all the same
        log.opt(exception=(type(error), error, handler_traceback(error))).log(level, text, **values)
