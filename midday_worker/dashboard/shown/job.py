"""Jobs as the page shows them."""

from __future__ import annotations

from typing import Final, Literal, cast

from midday_worker.admin import JobSnapshot
from midday_worker.dashboard.shown.redaction import NOT_SHOWN, Redaction, Shown, key_shown

_LONGEST_LINE: Final = 10_000
Field = Literal["data", "result", "progress", "failure"]


def show_job(job: JobSnapshot, queue: str, redaction: Redaction) -> dict[str, object]:
    """Return a job; what it hasn't is left out."""

    def shown(value: object, field: Field) -> object:
        return redaction.value(Shown(value, field, queue, job.name))

    def text(value: str) -> str:
        return redaction.text(Shown(value, "failure", queue, job.name))

    stacktrace = [text(stack) for stack in reversed(job.stacktrace) if stack]
    reason = job.failed_reason or job.unreadable
    optional: dict[str, object] = {
        "processedOn": job.started_ms,
        "processedBy": job.worker,
        "finishedOn": job.finished_ms,
        "failedReason": text(reason) if reason else None,
        "priority": job.priority or None,
        "attemptsStarted": job.starts if job.starts > job.attempts else None,
        "stalledCounter": job.stalls or None,
        "deduplicationId": job.deduplication_id,
        "waitsFor": key_shown(redaction, job.waits_for, queue, job.name),
        "deferredFailure": text(job.deferred_failure) if job.deferred_failure else None,
    }
    return {
        "id": job.id,
        "name": job.name,
        "timestamp": job.added_ms,
        "progress": _progress(shown(job.progress, "progress")),
        "attempts": job.attempts,
        "delay": job.delay_ms,
        "stacktrace": stacktrace,
        "opts": {name: value for name, value in job.options.items() if value is not None},
        "data": {NOT_SHOWN: job.unreadable} if job.unreadable and job.data is None else shown(job.data, "data"),
        "returnValue": shown(job.result, "result"),
        "isFailed": bool(job.failed_reason or stacktrace),
        **{name: value for name, value in optional.items() if value is not None},
    }


def show_line(line: str, queue: str, job: str, redaction: Redaction) -> str:
    """Return a line of a job's log."""
    long = len(line) > _LONGEST_LINE
    shortened = f"{line[:_LONGEST_LINE]} ... ({len(line):,} characters)" if long else line
    return redaction.text(Shown(shortened, "log", queue, job))


def _progress(value: object) -> object:
    if value is None:
        return 0
    return {"value": cast("object", value)} if isinstance(value, list) else value
