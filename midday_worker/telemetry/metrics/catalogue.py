"""Every metric: its name, labels, buckets, and how the processes of a service add up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from midday_worker.telemetry.metrics.distribution import Bounds

DURATIONS: Final[Bounds] = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0),
)
"""From a job that does next to nothing to one that takes an hour."""

WAITS: Final[Bounds] = (*(0.005, 0.025, 0.1, 0.25, 0.5), *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0))

LAGS: Final[Bounds] = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


@dataclass(frozen=True, slots=True)
class Instrument:
    """One metric.

    Attributes:
        kind: as Prometheus names it.
        help: what it is, in one sentence.
        labels: their names.
        bounds: of a histogram.
        is_same_for_all: whether each process of a service reads the same thing, so that it doesn't add up.
    """

    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    bounds: Bounds = ()
    is_same_for_all: bool = False


# Not `job`: that is the name of Prometheus's own label for what it scrapes.
_JOB: Final = ("queue", "job_name")
_QUEUE: Final = ("queue",)

INSTRUMENTS: Final[Mapping[str, Instrument]] = MappingProxyType(
    {
        "midday_worker_jobs_started_total": Instrument("counter", "Attempts that were started.", _JOB),
        "midday_worker_jobs_succeeded_total": Instrument("counter", "Jobs that completed.", _JOB),
        "midday_worker_jobs_failed_total": Instrument(
            "counter", "Attempts that failed; each is also counted as retried or exhausted.", _JOB
        ),
        "midday_worker_jobs_retried_total": Instrument("counter", "Failed attempts that another one follows.", _JOB),
        "midday_worker_jobs_exhausted_total": Instrument("counter", "Jobs that failed for good.", _JOB),
        "midday_worker_jobs_stalled_total": Instrument(
            "counter", "Jobs that had lost their worker and were put back.", _JOB
        ),
        "midday_worker_jobs_cancelled_total": Instrument(
            "counter", "Running jobs that somebody cancelled; not counted as failed.", _JOB
        ),
        "midday_worker_jobs_handed_back_total": Instrument(
            "counter", "Attempts that a stop cut short; the job went back to its queue.", _JOB
        ),
        "midday_worker_jobs_parked_total": Instrument("counter", "Jobs that have no handler here, put off.", _JOB),
        "midday_worker_jobs_running": Instrument("gauge", "Attempts under way.", _JOB),
        "midday_worker_job_duration_seconds": Instrument(
            "histogram", "How long an attempt took, whatever its outcome.", _JOB, DURATIONS
        ),
        "midday_worker_job_wait_seconds": Instrument(
            "histogram", "From when a job could first run to the start of its first attempt.", _JOB, WAITS
        ),
        "midday_worker_queue_jobs": Instrument(
            "gauge", "Jobs in a queue, by state.", ("queue", "state"), is_same_for_all=True
        ),
        "midday_worker_queue_oldest_waiting_seconds": Instrument(
            "gauge", "Since when the next waiting job has waited; 0 if none does.", _QUEUE, is_same_for_all=True
        ),
        "midday_worker_queue_paused": Instrument("gauge", "1 if a queue is paused.", _QUEUE, is_same_for_all=True),
        "midday_worker_queue_concurrency": Instrument("gauge", "Jobs that can run at once.", _QUEUE),
        "midday_worker_lock_renewals_total": Instrument("counter", "Renewals of running jobs' locks.", _QUEUE),
        "midday_worker_lock_renewal_failures_total": Instrument(
            "counter", "Rounds of renewal in which Redis did not answer.", _QUEUE
        ),
        "midday_worker_locks_lost_total": Instrument(
            "counter", "Running jobs whose lock was gone: another worker may run them too.", _QUEUE
        ),
        "midday_worker_event_loop_lag_seconds": Instrument(
            "histogram", "How late the event loop woke up, looked at four times a second.", (), LAGS
        ),
        "midday_worker_redis_latency_seconds": Instrument(
            "gauge",
            "How long Redis took for its last PING or has owed an answer, whichever is longer; the slowest process's.",
            is_same_for_all=True,
        ),
        "midday_worker_database_connections": Instrument("gauge", "Connections of the pool, by state.", ("state",)),
        "midday_worker_database_connections_limit": Instrument("gauge", "Connections that the pool may open."),
        "midday_worker_outbox_unsent": Instrument(
            "gauge", "Rows of the outbox that are not in Redis yet: a job each, or a flow.", is_same_for_all=True
        ),
        "midday_worker_outbox_oldest_unsent_seconds": Instrument(
            "gauge", "Since when the oldest of them waits; 0 if there is none.", is_same_for_all=True
        ),
        "midday_worker_processes": Instrument("gauge", "Worker processes that have answered."),
        "midday_worker_processes_ready": Instrument("gauge", "Worker processes that fetch and run jobs."),
        "midday_worker_process_restarts_total": Instrument(
            "counter", "Worker processes that were started again, with --processes."
        ),
        "midday_worker_info": Instrument(
            "gauge", "Always 1; its labels tell the version.", ("version", "environment"), is_same_for_all=True
        ),
    }
)
"""By name."""
