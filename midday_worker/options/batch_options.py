"""`BatchOptions`: how large a batch of jobs may be, and how long it is collected."""

from __future__ import annotations

from dataclasses import dataclass

from midday_worker.errors import OptionError
from midday_worker.settings.durations import Duration, to_milliseconds


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """A batch is handled when `max_size` jobs have come together, or `max_wait` after the first of them.

    The jobs of a batch run at once, so the concurrency of their queue is at least `max_size` in each worker process.

    >>> BatchOptions(max_size=50, max_wait="1s").max_wait_ms
    1000
    """

    max_size: int = 100
    max_wait: Duration = "50ms"

    def __post_init__(self) -> None:
        if isinstance(self.max_size, bool) or not isinstance(self.max_size, int) or self.max_size < 1:  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
            raise OptionError(
                "batch", f"BatchOptions.max_size is {self.max_size!r}; accepted: an integer of 1 or more."
            )
        to_milliseconds(self.max_wait, "BatchOptions.max_wait")

    @property
    def max_wait_ms(self) -> int:
        """How long the first job waits for others, in milliseconds."""
        return to_milliseconds(self.max_wait, "BatchOptions.max_wait")
