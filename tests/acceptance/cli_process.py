"""`CliProcess`: ``midday-worker ...`` as a process, whose output a test can wait for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.acceptance.command import TIME_S

OURS = ("REDIS_", "DATABASE_", "WORKER_", "ENVIRONMENT", "MAIL_", "LOG_", "BOARD_")


class CliProcess:
    """One run of the command line in a directory; its output goes to a file there.

    Args:
        directory: its working directory.
        arguments: after ``midday-worker``.
        variables: its environment, beside the caller's without any of our settings.
        output: the name of that file.
    """

    def __init__(
        self,
        directory: Path,
        *arguments: str,
        variables: Mapping[str, str] | None = None,
        output: str = "output.txt",
    ) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        self._output = directory / output
        with self._output.open("wb") as stream:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "midday_worker", *arguments],
                cwd=directory,
                env={**clean, **(variables or {})},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    @property
    def output(self) -> str:
        """What it has written so far."""
        return self._output.read_text("utf-8")

    def wait_for(self, text: str, times: int = 1) -> str:
        """Return the output once it holds `text` so many times. Fails if it ends first, or the time does."""
        deadline = time.monotonic() + TIME_S
        while self.output.count(text) < times:
            assert self._process.poll() is None, f"it ended without {text!r}:\n{self.output}"
            assert time.monotonic() < deadline, f"no {text!r} within {TIME_S:g} s:\n{self.output}"
            time.sleep(0.05)
        return self.output

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def send_until(self, text: str, number: signal.Signals) -> None:
        """Send it a signal again and again, as somebody impatient would, until the output holds `text`."""
        deadline = time.monotonic() + TIME_S
        while text not in self.output:
            assert time.monotonic() < deadline, f"no {text!r} within {TIME_S:g} s:\n{self.output}"
            self.send(number)
            time.sleep(0.5)

    def wait(self) -> int:
        """Return its exit code."""
        try:
            return self._process.wait(TIME_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it did not end within {TIME_S:g} s:\n{self.output}") from None
