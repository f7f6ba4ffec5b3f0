"""What a process uses up: its CPU time, or its instructions."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol


class Meter(Protocol):
    """Measures processes; they are started with `under` in front."""

    @property
    def under(self) -> Sequence[str]:
        """What a process that is to be measured is run with."""
        ...

    def start(self, pid: int) -> None:
        """Begin with a process."""
        ...

    def stop(self, pid: int) -> float:
        """Return what it has used since, all its threads together."""
        ...


class CpuTime:
    """Microseconds of CPU time, user's and system's."""

    under: Sequence[str] = ()

    def __init__(self) -> None:
        self._started: dict[int, int] = {}

    def start(self, pid: int) -> None:
        """See `Meter`."""
        self._started[pid] = cpu_ns(pid)

    def stop(self, pid: int) -> float:
        """See `Meter`."""
        return (cpu_ns(pid) - self._started[pid]) / 1000


def cpu_ns(pid: int) -> int:
    """Return a process's CPU time, by the clock that C's `clock_getcpuclockid` names; Python has no such call."""
    return time.clock_gettime_ns((~pid << 3) | 2)


class Instructions:
    """Instructions in user space, counted by valgrind's callgrind, in which a program takes fifty times as long.

    Args:
        folder: for its files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.under: Sequence[str] = (
            *("valgrind", "--quiet", "--tool=callgrind"),
            f"--callgrind-out-file={folder / 'callgrind.%p'}",
        )

    def start(self, pid: int) -> None:
        """See `Meter`."""
        self._control("--zero", pid)

    def stop(self, pid: int) -> float:
        """See `Meter`."""
        self._control("--dump", pid)
        *_, newest = sorted(self._folder.glob(f"callgrind.{pid}.*"), key=lambda path: int(path.suffix[1:]))
        return float(total(newest.read_text("utf-8")))

    def _control(self, command: str, pid: int) -> None:
        subprocess.run(["callgrind_control", command, str(pid)], check=True, capture_output=True)


def can_count_instructions() -> bool:
    """Whether there is what `Instructions` needs."""
    return all(shutil.which(name) for name in ("valgrind", "callgrind_control"))


def total(dump: str) -> int:
    """Return the sum of what a file of callgrind's says."""
    (line,) = (line for line in dump.splitlines() if line.startswith("totals:"))
    return int(line.removeprefix("totals:"))
