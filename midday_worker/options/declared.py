"""The options as a caller writes them."""

from __future__ import annotations

from typing import Literal, Required, TypedDict

from midday_worker.durations import Duration


class Backoff(TypedDict, total=False):
    """How long to wait between attempts.

    `delay` before the second attempt; "exponential" doubles it each time. `jitter` from 0 (none) to 1 (anything
    between nothing and the whole delay) spreads it, as BullMQ's `jitter`.
    """

    type: Required[Literal["fixed", "exponential"]]
    delay: Required[Duration]
    jitter: float


class Keep(TypedDict, total=False):
    """How many finished jobs to keep, and for how long. Trimming looks at the whole queue, not at one job's name."""

    count: int
    age: Duration


class Deduplication(TypedDict, total=False):
    """Only one job with this id at a time, as BullMQ's `deduplication`.

    Without `ttl` the id is taken until the job ends. `extend` restarts `ttl` with each duplicate; `replace` puts the
    newest payload into a job that is still delayed (debounce).
    """

    id: Required[str]
    ttl: Duration
    extend: bool
    replace: bool


class UndelayedOptions(TypedDict, total=False):
    """The options of a job but `delay`; see `JobOptions`."""

    priority: int
    lifo: bool
    attempts: int
    backoff: Duration | Backoff | None
    timeout: Duration | None
    remove_on_complete: bool | int | Keep
    remove_on_fail: bool | int | Keep
    deduplication: Deduplication | None
    keep_logs: int
    stack_trace_limit: int


class JobOptions(UndelayedOptions, total=False):
    """What can be set for a queue, for a job, and for a single call; the later wins.

    Attributes:
        delay: how long to wait before the first attempt.
        priority: 1 (first) to 2,097,151; 0, the default, is none, and goes before all that have one.
        lifo: put the job in front of those that wait.
        attempts: how often to try, the first time counted.
        backoff: the wait between attempts; a plain duration is a fixed one; None tries again at once.
        timeout: the longest that one attempt may take; None for no limit.
        remove_on_complete: True removes the job at once, False keeps it for ever, an int keeps that many, `Keep` by
            count and age. BullMQ trims per queue: a small count here also trims the queue's other jobs.
        remove_on_fail: the same for failed jobs.
        deduplication: see `Deduplication`; None for none.
        keep_logs: how many rows of the job's log to keep, by default the newest 1,000; 0 keeps all.
        stack_trace_limit: how many attempts' stack traces to keep.
    """

    delay: Duration


class CallOptions(JobOptions, total=False):
    """The options of one call: a job's, and the id that the job shall have.

    Adding a job under an id that exists adds nothing, as BullMQ's `jobId`. An id has no ":" and isn't an integer.
    """

    job_id: str


class DelayedCallOptions(UndelayedOptions, total=False):
    """The options of a call that has the delay as an argument; see `CallOptions`."""

    job_id: str
