"""The ledger: what producers, workers and the disturber did, in append-only files outside Redis."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, cast

Kind: TypeAlias = Literal[
    "added",  # a producer has Redis's word for it
    "started",  # a handler's run, by the worker `pid`
    "done",
    "raised",  # on purpose: the job is to be tried again
    "launched",  # a worker
    "told to stop",  # SIGTERM
    "killed",  # SIGKILL
    "exited",
    "worker away",  # SIGSTOP until `until`
    "redis away",  # killed, or paused, until `until`
    "failover",  # a primary failed; most sentinels named another one at `until`
    "cut",  # connections, while Redis stayed
    "starved",  # the process `pid` was not scheduled until `until`; 0 is the disturber, through whose proxy all goes
    "scheduled",  # a schedule of one second was made
    "unscheduled",
    "up",  # a worker has loaded its jobs
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened. Times are the machine's monotonic clock in seconds, the same in all its processes."""

    kind: Kind
    time: float
    job: str = ""
    pid: int = 0
    until: float = 0.0
    code: int = 0
    detail: str = ""


class Ledger:
    """One process's file of entries. What `note` has written survives the process's SIGKILL.

    Args:
        path: it; the ledger is all files of its folder.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_APPEND | os.O_CREAT | os.O_WRONLY)

    def note(self, kind: Kind, at: float | None = None, **more: object) -> None:
        """Write an entry, in one call to the system: it is there whole, or not at all."""
        entry = {"kind": kind, "time": time.monotonic() if at is None else at, **more}
        os.write(self._file, json.dumps(entry).encode() + b"\n")

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def read_ledger(folder: Path) -> list[Entry]:
    """Return the entries of all processes, the earliest first."""
    return sorted(_entries(folder), key=lambda entry: entry.time)


def _entries(folder: Path) -> Iterator[Entry]:
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            yield Entry(**cast("dict[str, object]", json.loads(line)))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - written by ours
