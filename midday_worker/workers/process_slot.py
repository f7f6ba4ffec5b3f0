"""`ProcessSlot`: one of a service's worker processes, as its supervisor sees it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol


class WorkerProcess(Protocol):
    """A worker process, or a test's stand-in for one."""

    async def start(self) -> None:
        """Start it. Raises OSError."""
        ...

    @property
    def pid(self) -> int:
        """Its id, once started."""
        ...

    @property
    def returncode(self) -> int | None:
        """Its exit code, negative for a signal; None before its end."""
        ...

    async def ready(self) -> str | None:
        """Return its banner once it takes jobs, None if it never will."""
        ...

    async def wait(self) -> int:
        """Wait for its end and return its exit code."""
        ...

    def drain(self) -> None:
        """Ask it to let running jobs finish and end."""
        ...

    def force(self) -> None:
        """Ask it to hand running jobs back and end."""
        ...

    def kill(self) -> None:
        """End it at once."""
        ...


@dataclass(slots=True)
class ProcessSlot:
    """One of a service's processes, whichever it is at the time.

    Attributes:
        index: its number, from 1.
        process: the newest one.
        ready_at: since when that takes jobs, by the monotonic clock.
        failures: how many have failed in a row.
        clean: whether the newest one has ended well, or not yet.
    """

    index: int
    process: WorkerProcess | None = None
    ready_at: float | None = None
    failures: int = 0
    clean: bool = True

    @property
    def running(self) -> bool:
        """Whether its process has been started and has not ended."""
        return self.process is not None and self.process.returncode is None

    @property
    def ready_for_s(self) -> float:
        """Seconds since its process has been ready; 0 if it never was."""
        return 0.0 if self.ready_at is None else time.monotonic() - self.ready_at
