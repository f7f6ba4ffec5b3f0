"""The moment by which a job is to start."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from midday_worker.errors import JobDeadlineError, OptionError
from midday_worker.options import ResolvedOptions


def deadline_ms(options: ResolvedOptions) -> int:
    """Return the deadline of a job that is triggered now, in epoch milliseconds; 0 for none.

    Raises:
        OptionError: it is past, or the job's delay ends after it: the job could never run.
    """
    if options.deadline is None:
        return 0
    now = round(time.time() * 1000)
    if isinstance(options.deadline, datetime):
        last = round(options.deadline.timestamp() * 1000)
    else:
        last = now + options.deadline
    if last < now + options.delay:
        why = f"the job's delay of {options.delay} ms ends after it" if options.delay else "it is past"
        raise OptionError("deadline", f"Option deadline is {moment(last).isoformat()}, but {why}: it could never run.")
    return last


def check_deadline(job: str, last_ms: int) -> None:
    """Raise JobDeadlineError if a moment, in epoch milliseconds, is past."""
    if time.time() * 1000 > last_ms:
        raise JobDeadlineError(job, moment(last_ms))


def moment(epoch_ms: int) -> datetime:
    """Return epoch milliseconds as a time."""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC)
