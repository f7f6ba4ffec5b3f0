"""A worker of the soak: ``midday-worker run`` as a process that can be stopped, killed and frozen."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from midday_worker.settings.settings import Settings, variable_of
from tests.soak.ledger import Ledger

ROOT: Final = Path(__file__).parents[2]


class WorkerProcess:
    """One run of a worker. Its launch and its end are noted.

    Args:
        process: it.
        ledger: where that is noted.
        log: where its output goes.
    """

    def __init__(self, process: asyncio.subprocess.Process, ledger: Ledger, log: Path) -> None:
        self._process = process
        self._log = log
        self._ledger = ledger
        ledger.note("launched", pid=process.pid)
        self._end = asyncio.create_task(self._note_end())

    @property
    def pid(self) -> int:
        """Its process's id."""
        return self._process.pid

    async def is_up(self) -> bool:
        """Return whether it has reached Redis and said what it works."""
        return "soak (concurrency" in self._log.read_text()

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._ledger.note("told to stop", pid=self.pid)
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL, unless it has ended."""
        if self._process.returncode is not None:
            return
        self._ledger.note("killed", pid=self.pid)
        self._send(signal.SIGKILL)

    async def freeze(self, seconds: float) -> None:
        """Send SIGSTOP, and SIGCONT after a while."""
        started = asyncio.get_running_loop().time()
        self._send(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            self._send(signal.SIGCONT)
            until = asyncio.get_running_loop().time()
            self._ledger.note("worker away", started, pid=self.pid, until=until)

    async def wait(self, seconds: float) -> int:
        """Wait for its end and return its exit code; kill it if that takes too long."""
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.shield(self._end)
        except TimeoutError:
            self.kill()
            return await self._end

    async def _note_end(self) -> int:
        code = await self._process.wait()
        self._ledger.note("exited", pid=self.pid, code=code)
        return code

    def _send(self, number: signal.Signals) -> None:
        if self._process.returncode is None:
            self._process.send_signal(number)


async def launch(variables: Mapping[str, str], ledger: Ledger, log: Path) -> WorkerProcess:
    """Start a worker with these settings and no others; its output goes to the log, its ledger is beside that."""
    process = await start_worker("tests.soak.worker_jobs", {**variables, "SOAK_LEDGER": str(log.parent)}, log)
    return WorkerProcess(process, ledger, log)


async def start_worker(imports: str, variables: Mapping[str, str], log: Path) -> asyncio.subprocess.Process:
    """Start a worker of a module's jobs, with these settings and no others."""
    with log.open("wb") as output:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "midday_worker", "run", "--import", imports),
            cwd=ROOT,
            env={**bare_environment(), **variables},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
        )


def bare_environment() -> dict[str, str]:
    """Return this process's environment without any of the settings."""
    ours = {variable_of(field) for field in Settings.model_fields}
    return {name: value for name, value in os.environ.items() if name.upper() not in ours}
