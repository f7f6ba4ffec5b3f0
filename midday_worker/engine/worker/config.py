"""How one queue is worked."""

from __future__ import annotations

from dataclasses import dataclass, field

from midday_worker.engine.job.interruption import Grace
from midday_worker.engine.wire.places import WireLimit


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerConfig:
    """How one queue is worked. Times in milliseconds."""

    queue: str
    prefix: str | None = None
    """The queue's own; None is REDIS_PREFIX."""
    concurrency: int
    rate_limit: tuple[int, int] | None = None
    """At most so many jobs, per so many milliseconds."""
    limits: tuple[WireLimit, ...] = ()
    """The limits per key."""
    lock_duration_ms: int = 30_000
    stalled_interval_ms: int = 30_000
    max_stalled_count: int = 25
    """How often a job may lose its worker and is run again; with the port's 1 two crashes are fatal."""
    grace: Grace = field(default_factory=Grace)
    """How long a handler that is told to stop may take."""

    @property
    def limiter(self) -> dict[str, int] | None:
        """The rate limit as BullMQ has it."""
        return None if self.rate_limit is None else {"max": self.rate_limit[0], "duration": self.rate_limit[1]}
