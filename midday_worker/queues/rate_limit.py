"""`RateLimit`: how fast jobs may start."""

from __future__ import annotations

from dataclasses import dataclass

from midday_worker.errors import OptionError
from midday_worker.settings.durations import Duration, to_milliseconds


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `max` jobs started per `per`, over all workers of the queue, as BullMQ's `limiter`.

    >>> RateLimit(10, "1s").per_ms
    1000
    """

    max: int
    per: Duration

    def __post_init__(self) -> None:
        if not is_count(self.max):
            raise OptionError("rate_limit", f"RateLimit.max is {self.max!r}; accepted: an integer of 1 or more.")
        if self.per_ms < 1:
            raise OptionError("rate_limit", f"RateLimit.per is {self.per!r}; accepted: a duration above zero.")

    @property
    def per_ms(self) -> int:
        """The window in milliseconds."""
        return to_milliseconds(self.per, "RateLimit.per")


def is_count(value: object) -> bool:
    """Return whether a value is a whole number from 1."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
