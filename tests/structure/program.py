"""A program of this package as a process, with the settings that are given and no others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
WORKER: Final = ("midday_worker", "run", "--import", "tests.structure.jobs")


class Program:
    """A running `python -m`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """Its process's id."""
        return self._process.pid

    def read(self) -> str:
        """Return its output's next line."""
        if self._process.stdout is None or not (line := self._process.stdout.readline()):
            raise RuntimeError("a program ended too soon; it says why above")
        return line.strip()

    def write(self) -> None:
        """Let it go on: write a line to its input."""
        if self._process.stdin is not None:
            self._process.stdin.write("\n")
            self._process.stdin.flush()

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def terminate(self) -> None:
        """Let it end, and wait for that."""
        self.send(signal.SIGTERM)
        self.wait()

    def wait(self) -> None:
        """Wait for its end, which has to be a good one."""
        self._process.communicate()
        if self._process.returncode:
            raise RuntimeError(f"a program ended with {self._process.returncode}")


@contextmanager
def program(
    url: str, folder: Path, *module: str, under: Sequence[str] = (), concurrency: int = 5
) -> Generator[Program]:
    """Run `python -m MODULE ARGUMENT ...` with this Redis until the end of `with`.

    Args:
        url: Redis's.
        folder: where it runs; a temporary one, without settings.
        module: its name and arguments.
        under: what it is run with, in front of Python.
        concurrency: of a worker.
    """
    variables = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | {
        "PYTHONPATH": str(ROOT),
        "PYTHONHASHSEED": "0",
        "ENVIRONMENT": "production",
        "LOG_LEVEL": "ERROR",
        "REDIS_URL": url,
        "WORKER_CONCURRENCY": str(concurrency),
    }
    process = subprocess.Popen(
        [*under, sys.executable, "-m", *module],
        cwd=folder,
        env=variables,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        yield Program(process)
    finally:
        # Stopped ones go on to end; whoever ends badly is not waited for.
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            process.communicate(timeout=300)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
