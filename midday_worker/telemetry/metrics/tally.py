"""What a process counts of its jobs: plain numbers, one set for each job of each queue."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from midday_worker.telemetry.metrics.catalogue import DURATIONS, WAITS
from midday_worker.telemetry.metrics.distribution import Distribution
from midday_worker.telemetry.metrics.snapshot import Snapshot

UNKNOWN: Final = "(unknown)"
"""The label of jobs whose name no definition has: producers could make up any number of names."""

_SORTED_AT_ONCE: Final = 1024
"""How many values wait to be put into buckets together: one by one, each would cost several times as much."""

_OUTCOMES: Final = (
    *("started", "succeeded", "failed", "retried", "exhausted"),
    *("stalled", "cancelled", "handed_back", "parked"),
)


class JobTally:
    """The counts of one job on one queue. Only the event loop writes and reads them.

    Attributes:
        waited: how long jobs had waited when their first attempt started, in seconds, of those not yet in a bucket.
        took: how long attempts took, in seconds, likewise; each attempt that was started adds one at its end.
    """

    __slots__ = (
        *("_durations", "_waits", "cancelled", "exhausted", "failed", "handed_back", "parked"),
        *("retried", "stalled", "started", "succeeded", "took", "waited"),
    )

    def __init__(self) -> None:
        self.started = self.succeeded = self.failed = self.retried = self.exhausted = 0
        self.stalled = self.cancelled = self.handed_back = self.parked = 0
        self.waited: list[float] = []
        self.took: list[float] = []
        self._waits = Distribution(WAITS)
        self._durations = Distribution(DURATIONS)

    def start(self) -> None:
        """Count an attempt that starts."""
        self.started += 1
        if self.started % _SORTED_AT_ONCE == 0:
            self._sort()

    @property
    def running(self) -> int:
        """How many attempts are under way: have been started, and have not taken any time yet."""
        return self.started - self.durations.count

    @property
    def durations(self) -> Distribution:
        """How long attempts took."""
        self._sort()
        return self._durations

    @property
    def waits(self) -> Distribution:
        """How long jobs had waited for their first attempt."""
        self._sort()
        return self._waits

    def fail(self, *, for_good: bool) -> None:
        """An attempt has failed; another one follows unless it was the last."""
        self.failed += 1
        if for_good:
            self.exhausted += 1
        else:
            self.retried += 1

    def write(self, snapshot: Snapshot, queue: str, job: str) -> None:
        """Write all of it down."""
        labels = (queue, job)
        for outcome in _OUTCOMES:
            snapshot.add(f"midday_worker_jobs_{outcome}_total", labels, getattr(self, outcome))
        snapshot.add("midday_worker_jobs_running", labels, self.running)
        snapshot.add("midday_worker_job_duration_seconds", labels, *self.durations.values)
        snapshot.add("midday_worker_job_wait_seconds", labels, *self.waits.values)

    def _sort(self) -> None:
        waited, self.waited = self.waited, []
        took, self.took = self.took, []
        self._waits.observe_all(waited)
        self._durations.observe_all(took)


class QueueTally:
    """The counts of one queue.

    Args:
        queue: its name.
        jobs: the names of its jobs; each is there from the start, at 0, so that its rate is right from the first on.
        elsewhere: the names of all other known jobs.

    Attributes:
        lock_renewals: of running jobs; as the next two, written by the thread that renews.
        lock_renewal_failures: rounds in which Redis did not answer.
        locks_lost: running jobs that were no longer ours.
    """

    def __init__(self, queue: str, jobs: Iterable[str] = (), elsewhere: Collection[str] = ()) -> None:
        self._queue = queue
        self._jobs = {name: JobTally() for name in jobs}
        self._elsewhere = frozenset(elsewhere)
        self._unknown = JobTally()
        self.lock_renewals = self.lock_renewal_failures = self.locks_lost = 0

    def of(self, name: str) -> JobTally:
        """Return the counts of a job, of those that nobody knows together if nobody knows it."""
        found = self._jobs.get(name)
        if found is not None:
            return found
        if name not in self._elsewhere:
            return self._unknown
        found = self._jobs[name] = JobTally()
        return found

    def write(self, snapshot: Snapshot) -> None:
        """Write all of it down."""
        for name, job in self._jobs.items():
            job.write(snapshot, self._queue, name)
        self._unknown.write(snapshot, self._queue, UNKNOWN)
        labels = (self._queue,)
        snapshot.add("midday_worker_lock_renewals_total", labels, self.lock_renewals)
        snapshot.add("midday_worker_lock_renewal_failures_total", labels, self.lock_renewal_failures)
        snapshot.add("midday_worker_locks_lost_total", labels, self.locks_lost)
