"""The worker processes of one measurement."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from scripts.benchmark.ledger import Entry, read_ledgers
from scripts.benchmark.programs import ProgramError, resident_mib, stop, tail

WAIT_S: Final = 40.0
_POLL_S: Final = 0.01


class Crew:
    """The worker processes of one measurement, which wait for `go`."""

    def __init__(self, folder: Path, processes: Sequence[subprocess.Popen[str]]) -> None:
        self.folder = folder
        self._processes = processes

    def go(self) -> None:
        """Let it work, once it has imported what it needs."""
        self.until(lambda: any(self.folder.glob("*.ready")), "was not ready")
        (self.folder / "go").touch()

    def go_at_once(self) -> None:
        """Let all work as soon as they are up."""
        (self.folder / "go").touch()

    def wait_for(self, count: int) -> list[Entry]:
        """Return what ran, once that is so many jobs."""
        self.until(lambda: sum(_lines(path) for path in self.folder.glob("*.ledger")) >= count, "did not finish")
        return read_ledgers(self.folder)

    def entries(self) -> list[Entry]:
        """Return what has run so far: after their end, all."""
        return read_ledgers(self.folder)

    def memory_mib(self) -> float:
        """Return their resident memory."""
        return sum(resident_mib(process.pid) for process in self._processes)

    def stop(self) -> None:
        """End them."""
        for process in self._processes:
            stop(process)

    def until(self, done: Callable[[], bool], what: str) -> None:
        """Wait for something that depends on them; raise ProgramError, with `what` it was, if it doesn't come."""
        deadline = time.monotonic() + WAIT_S
        while not done():
            if time.monotonic() > deadline or any(process.poll() is not None for process in self._processes):
                ran = sum(_lines(path) for path in self.folder.glob("*.ledger"))
                raise ProgramError(f"a worker {what} ({ran} jobs ran): {tail(self.folder / 'worker.txt')}")
            time.sleep(_POLL_S)


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n")
