"""`WorkerChild`: ``midday-worker run`` as a child process, for `dev`, `demo`, and the processes of a service."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO

from midday_worker.embedded.process import end_with_parent
from midday_worker.settings.settings import Settings, variable_of


class WorkerChild:
    """One run of a worker, which ends with this process. Start it on the main thread.

    Args:
        arguments: those of ``midday-worker run``.
        variables: its environment beside this process's.
        alone: whether it is spared this process's own settings and mail settings.
        directory: its working directory, if not this process's.
        output: the file that gets its output, if not where this process's goes.
        keep_open: file descriptors it inherits.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        variables: Mapping[str, str],
        *,
        alone: bool = False,
        directory: Path | None = None,
        output: Path | None = None,
        keep_open: Sequence[int] = (),
    ) -> None:
        self._arguments = list(arguments)
        # Not read here: handed on. Settings is still the one who reads it, in the child.
        self._environment = {**_without_settings(os.environ, alone), **variables}
        self._directory = directory
        self._output = output
        self._keep_open = tuple(keep_open)
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it."""
        with ExitStack() as stack:
            output = None if self._output is None else stack.enter_context(self._output.open("ab"))
            await self._spawn(output)

    async def _spawn(self, output: BinaryIO | None) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "midday_worker", "run", *self._arguments),
            env=self._environment,
            cwd=self._directory,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=self._keep_open,
            # A Ctrl-C in the terminal is for this process, which tells the worker.
            start_new_session=True,
            preexec_fn=end_with_parent(signal.SIGTERM),
        )

    @property
    def returncode(self) -> int | None:
        """Its exit code; None before its end."""
        return None if self._process is None else self._process.returncode

    @property
    def pid(self) -> int:
        """Its id. Start it first."""
        if self._process is None:
            raise RuntimeError("a worker that was never started has no id")
        return self._process.pid

    def ask_to_stop(self) -> None:
        """Send SIGTERM: let running jobs finish; at the second one, don't."""
        self.send(signal.SIGTERM)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        # Not the process's own method: that takes the exit code of one that has just ended from asyncio's watcher.
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    async def wait(self) -> int:
        """Wait for its end and return its exit code."""
        return 0 if self._process is None else await self._process.wait()

    async def stop(self, kill_after_s: float) -> int:
        """Ask it to stop, wait for its end, kill it if that takes too long; return its exit code."""
        self.ask_to_stop()
        try:
            async with asyncio.timeout(kill_after_s):
                return await self.wait()
        except TimeoutError:
            self.send(signal.SIGKILL)
            return await self.wait()


def _without_settings(environment: Mapping[str, str], alone: bool) -> dict[str, str]:
    ours = {variable_of(field) for field in Settings.model_fields} if alone else set[str]()
    return {
        name: value
        for name, value in environment.items()
        if name.upper() not in ours and not (alone and name.upper().startswith("MAIL_"))
    }
