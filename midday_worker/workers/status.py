"""What a worker process, and a service of several, says of itself to whoever asks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from midday_worker.telemetry.metrics.snapshot import Snapshot

STATUS: Final = "status"
"""What a supervisor asks its processes, to be told a `ProcessStatus`."""

METRICS: Final = "metrics"
"""The question for a `Snapshot`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStatus:
    """One queue of a process. `rate_limit` is at most so many jobs, per so many milliseconds."""

    queue: str
    concurrency: int
    rate_limit: tuple[int, int] | None = None
    alive: bool = False
    fetching: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEntry:
    """One job that a process knows."""

    id: str
    queue: str
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessStatus:
    """One process.

    Attributes:
        process: its number, from 1.
        pid: its id.
        started_at: when, in epoch seconds.
        redis: whether Redis answers; None before that is known.
        database: whether the database answers; None before that is known, or if none is configured.
        queues: what it works.
        jobs: what it knows.
        reasons: why it isn't ready, each in a few words; empty if it is.
    """

    process: int
    pid: int
    started_at: float
    redis: bool | None
    database: bool | None
    queues: tuple[QueueStatus, ...]
    jobs: tuple[JobEntry, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStatus:
    """A service of one process or several.

    Attributes:
        environment: development, staging or production.
        count: how many processes there should be.
        processes: those that have answered, by number.
        silent: the numbers of those that run, but have not answered.
        draining: whether it has been told to stop.
    """

    environment: str
    count: int
    processes: tuple[ProcessStatus, ...]
    silent: tuple[int, ...] = ()
    draining: bool = False

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it isn't ready; empty if it is."""
        return ("it is draining",) if self.draining else tuple(self._found())

    def _found(self) -> Iterator[str]:
        answered = {each.process: each for each in self.processes}
        for number in range(1, self.count + 1):
            if number in self.silent:
                yield f"process {number} does not answer"
            elif number not in answered:
                yield f"process {number} is not up"
            else:
                prefix = f"process {number}: " if self.count > 1 else ""
                yield from (prefix + reason for reason in answered[number].reasons)


class StatusSource(Protocol):
    """Who knows the status: the process itself, or the supervisor of several."""

    async def metrics(self) -> Snapshot:
        """Return all metrics, added up."""
        ...

    async def status(self) -> ServiceStatus:
        """Return what is known now."""
        ...
