"""Errors for options that aren't known: what each is called here, or where it belongs."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Final

from midday_worker.errors import OptionError

PLACES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("queue", "executor", "max_tasks_per_child", "batch", "result"), "job()"),
    **dict.fromkeys(("concurrency", "rate_limit"), "queue(), whose result is a job's queue"),
    **dict.fromkeys(("pattern", "every", "tz", "start", "end", "limit", "schedule_id"), "trigger_recurring()"),
    "schedule": 'job(), as schedule=every("10m")',
    "registry": "job() and queue()",
    **dict.fromkeys(
        ("job_id", "idempotency_key", "idempotency_ttl", "debounce", "throttle"),
        "a single call, not to a job or a queue",
    ),
    "children": "trigger_flow() and node()",
    "on_failure": "node()",
    "client": "what triggers a job",
    "session": "trigger(), trigger_delayed(), trigger_flow() and the batches: a schedule is of no transaction",
}
"""Where an option is one that isn't one everywhere."""

_DELAY: Final = "delay, how long from now"
NAMES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("countdown", "eta", "run_at", "scheduled_at", "schedule_in", "defer_by", "defer_until"), _DELAY),
    **dict.fromkeys(("cron", "crontab", "cron_expression"), "pattern, of trigger_recurring()"),
    **dict.fromkeys(("repeat", "interval"), "pattern or every, of trigger_recurring()"),
    "timezone": "tz, of trigger_recurring()",
    **dict.fromkeys(
        ("task_id", "unique_key"), "job_id of a call, as long as the job is kept, or idempotency_key, or deduplication"
    ),
    **dict.fromkeys(("retries", "max_retries"), "attempts, the first one counted"),
    **dict.fromkeys(("retry_delay", "retry_backoff", "default_retry_delay"), "backoff"),
    "autoretry_for": "retry_on",
    **dict.fromkeys(("time_limit", "soft_time_limit", "job_timeout"), "timeout"),
    **dict.fromkeys(("expires", "max_age"), "deadline"),
    **dict.fromkeys(("keep_result", "result_ttl"), "remove_on_complete"),
    **dict.fromkeys(("max_concurrency", "concurrency_limit"), "concurrency, of queue()"),
    "limiter": "rate_limit, of queue()",
    "queue_name": "queue, of job()",
}
"""The names of other libraries, and of BullMQ for Node where ours is another word."""


def unknown_option(name: str, known: Iterable[str]) -> OptionError:
    """Return the error for an option that isn't one of those that are known where it was given."""
    accepted = sorted(known)
    return OptionError(name, f"Unknown option {name!r}.{_hint(name, accepted)} Known options: {', '.join(accepted)}.")


def _hint(name: str, known: list[str]) -> str:
    if name in NAMES:
        return f" {name} is called {NAMES[name]}."
    if name in PLACES:
        return f" {name} belongs to {PLACES[name]}."
    near = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""
