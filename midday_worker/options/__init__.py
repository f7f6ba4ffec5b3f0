"""The options of jobs, queues and calls: as they are written, checked, and merged in one place."""

from midday_worker.options.check import check_options, check_schedulable, located
from midday_worker.options.declared import (
    Backoff,
    BackoffFunction,
    CallOptions,
    Deduplication,
    DelayedCallOptions,
    DelayedSyncTriggerOptions,
    DelayedTriggerOptions,
    ErrorClasses,
    JobOptions,
    Retention,
    SyncTriggerOptions,
    TravellingOptions,
    TriggerOptions,
    UndelayedOptions,
)
from midday_worker.options.job_id import check_known_id
from midday_worker.options.parsers import MAX_PRIORITY
from midday_worker.options.resolved import (
    BackoffPolicy,
    CheckedOptions,
    DeduplicationPolicy,
    KeepPolicy,
    ResolvedOptions,
    merge,
)

__all__ = [
    "MAX_PRIORITY",
    "Backoff",
    "BackoffFunction",
    "BackoffPolicy",
    "CallOptions",
    "CheckedOptions",
    "Deduplication",
    "DeduplicationPolicy",
    "DelayedCallOptions",
    "DelayedSyncTriggerOptions",
    "DelayedTriggerOptions",
    "ErrorClasses",
    "JobOptions",
    "KeepPolicy",
    "ResolvedOptions",
    "Retention",
    "SyncTriggerOptions",
    "TravellingOptions",
    "TriggerOptions",
    "UndelayedOptions",
    "check_known_id",
    "check_options",
    "check_schedulable",
    "located",
    "merge",
]
