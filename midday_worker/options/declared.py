"""The options as a caller writes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Required, TypeAlias, TypedDict

from midday_worker.settings.durations import Duration

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session
    from sqlalchemy.orm import Session, scoped_session

    AwaitedSession: TypeAlias = AsyncSession | async_scoped_session[AsyncSession]
    BlockingSession: TypeAlias = Session | scoped_session[Session]

BackoffFunction: TypeAlias = Callable[[int, Exception], Duration | None]
"""Given the number of the attempt that failed, from 1, and its error: how long to wait; None to try no more."""

ErrorClasses: TypeAlias = type[Exception] | Sequence[type[Exception]]
"""One class of errors, or several; their subclasses are meant too."""


class Backoff(TypedDict, total=False):
    """How long to wait between attempts.

    `delay` before the second attempt; "exponential" doubles it each time, up to `max_delay`. `jitter` spreads it, as
    BullMQ's `jitter`: "none" or 0; "full" or 1, anything between nothing and the whole delay; "equal" or 0.5, between
    half of it and all of it. A Node worker knows all but `max_delay`.
    """

    type: Required[Literal["fixed", "exponential"]]
    delay: Required[Duration]
    jitter: float | Literal["none", "equal", "full"]
    max_delay: Duration


class Retention(TypedDict, total=False):
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


class TravellingOptions(TypedDict, total=False):
    """The options that are written with a job, for whichever worker takes it; see `JobOptions`."""

    priority: int
    lifo: bool
    attempts: int
    deadline: Duration | datetime | None
    remove_on_complete: bool | int | Retention
    remove_on_fail: bool | int | Retention
    deduplication: Deduplication | None
    keep_logs: int
    stack_trace_limit: int
    omit_trace_context: bool


class SharedOptions(TravellingOptions, total=False):
    """The options that are the same for queues, jobs and calls; see `JobOptions`."""

    timeout: Duration | None
    retry_on_timeout: bool


class UndelayedOptions(SharedOptions, total=False):
    """The options of a call but `delay` and `debounce`; see `CallOptions`."""

    backoff: Duration | Backoff | None
    job_id: str
    idempotency_key: str
    idempotency_ttl: Duration
    throttle: tuple[str, Duration]


class JobOptions(SharedOptions, total=False):
    """What can be set for a queue and for a job, and most of it for a single call; the later wins.

    Attributes:
        delay: how long to wait before the first attempt.
        priority: 1 (first) to 2,097,151; 0, the default, is none, and goes before all that have one.
        lifo: put the job in front of those that wait.
        attempts: how often to try, the first time counted.
        backoff: the wait between attempts; a plain duration is a fixed one; None tries again at once. A function of
            the attempt and its error is called by the worker; it can't be set for a call.
        retry_on: only these errors are tried again. Not for a call.
        fail_on: these errors are not tried again. Of two classes that both match, the nearer one decides. Not for a
            call.
        timeout: the longest that one attempt may take; None for no limit.
        retry_on_timeout: whether an attempt that took too long is followed by another one; True if not given.
        deadline: no attempt starts later than this after the trigger, or after this moment (a time without a zone is
            UTC): the job fails instead. The runs of a schedule count from when they are due.
        remove_on_complete: True removes the job at once, False keeps it for ever, an int keeps that many, `Keep` by
            count and age. BullMQ trims per queue: a small count here also trims the queue's other jobs.
        remove_on_fail: the same for failed jobs.
        deduplication: see `Deduplication`; None for none.
        keep_logs: how many rows of the job's log to keep, by default the newest 1,000; 0 keeps all.
        stack_trace_limit: how many attempts' stack traces to keep.
        omit_trace_context: start a trace of its own for each attempt, instead of going on with the caller's, as
            BullMQ's `telemetry.omitContext`.
    """

    delay: Duration
    backoff: Duration | Backoff | BackoffFunction | None
    retry_on: ErrorClasses | None
    fail_on: ErrorClasses | None


class CallOptions(UndelayedOptions, total=False):
    """The options of one call: a job's, but those that can't travel, and what it is a duplicate by.

    Of `job_id`, `idempotency_key`, `debounce`, `throttle` and `deduplication` one at a time, but that `deduplication`
    goes with `job_id`. Keys are the caller's, and count per job name; a flow's nodes have none. `handle.added` says
    whether a call made a job.

    Attributes:
        job_id: the job's id. Adding one under an id that exists adds nothing, as BullMQ's `jobId`. An id has no ":" and
            isn't an integer.
        idempotency_key: another call with this key adds nothing, whatever has become of the first one's job.
        idempotency_ttl: how long the key counts, from the call that made the job; 24 hours if not given.
        debounce: a key and a duration: the job starts when no call with the key has come for so long, with the newest
            payload. Each call makes the job anew, in place of the one that is delayed.
        throttle: a key and a duration: another call with this key adds nothing for so long, or until the job is removed
            by hand.
    """

    delay: Duration
    debounce: tuple[str, Duration]


class DelayedCallOptions(UndelayedOptions, total=False):
    """The options of a call that has the delay as an argument; see `CallOptions`."""


class TriggerOptions(CallOptions, total=False):
    """The options of one trigger: a call's, and the transaction that it is part of.

    Attributes:
        session: adds the job once the session's transaction has committed, and never if it doesn't: it is written into
            the table `midday_outbox` of that database, from which a worker takes it. `ctx.db` is such a session.
    """

    session: AwaitedSession | None


class DelayedTriggerOptions(DelayedCallOptions, total=False):
    """The options of a trigger that has the delay as an argument; see `TriggerOptions`."""

    session: AwaitedSession | None


class SyncTriggerOptions(CallOptions, total=False):
    """The options of a blocking trigger; see `TriggerOptions`."""

    session: BlockingSession | None


class DelayedSyncTriggerOptions(DelayedCallOptions, total=False):
    """The options of a blocking trigger that has the delay as an argument; see `TriggerOptions`."""

    session: BlockingSession | None
