"""The command line as a process."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path

TIME_S = 180.0
PROGRAM = (sys.executable, "-m", "midday_worker")
FORKED = (sys.executable, "-I", "-S", str(Path(__file__).with_name("forked_command.py")))


def needed_environment() -> dict[str, str]:
    """Return what Python needs of this environment."""
    return {name: value for name, value in os.environ.items() if name.startswith(("PATH", "COVERAGE", "HOME"))}


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that has ended."""

    code: int
    out: str
    err: str

    def refused(self, code: int = 1) -> str:
        """Return the one line of a user's mistake: its exit code, nothing else, no traceback."""
        assert self.code == code, (self.code, self.out, self.err)
        assert "Traceback" not in self.err
        line, *more = self.err.strip().splitlines()
        assert not more, self.err
        return line.removeprefix("Error: ")


@dataclass(slots=True)
class Running:
    """A command that runs; its standard error is read line by line."""

    process: asyncio.subprocess.Process
    lines: list[str] = field(default_factory=lambda: [])

    async def until(self, text: str) -> str:
        """Read until a line holds this text, and return it."""
        assert self.process.stderr is not None
        async with asyncio.timeout(TIME_S):
            while raw := await self.process.stderr.readline():
                self.lines.append(raw.decode())
                if text in self.lines[-1]:
                    return self.lines[-1]
        raise AssertionError(f"{text!r} was not among: {''.join(self.lines)}")

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    async def end(self) -> int:
        """Wait for its end and return its exit code."""
        assert self.process.stderr is not None
        assert self.process.stdout is not None
        async with asyncio.timeout(TIME_S):
            self.lines += (await self.process.stderr.read()).decode().splitlines(keepends=True)
            await self.process.stdout.read()  # its own processes may hold it open longer
            return await self.process.wait()


class Command:
    """Starts `midday-worker` in a folder, with nothing of the caller's environment but what Python needs.

    Args:
        folder: the working directory.
        environment: the settings.
        fork_server: the socket of a `fork_server.py`, which saves it the imports; without it, each is a new Python.
    """

    def __init__(self, folder: Path, environment: dict[str, str], fork_server: Path | None = None) -> None:
        self.folder = folder
        self.environment = environment
        self._program = (*FORKED, str(fork_server)) if fork_server else PROGRAM
        self._processes: list[asyncio.subprocess.Process] = []

    async def kill(self) -> None:
        """Kill what a failed test has left running."""
        for process in self._processes:
            if process.returncode is None:
                process.kill()
                await process.communicate()

    async def run(self, *arguments: str, stdin: str = "", **environment: str) -> Finished:
        """Run it to its end."""
        process = await self._start(arguments, environment)
        async with asyncio.timeout(TIME_S):
            out, err = await process.communicate(stdin.encode())
        return Finished(process.returncode or 0, out.decode(), err.decode())

    async def start(self, *arguments: str, **environment: str) -> Running:
        """Start it."""
        return Running(await self._start(arguments, environment))

    async def _start(self, arguments: tuple[str, ...], environment: dict[str, str]) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            *self._program,
            *arguments,
            cwd=self.folder,
            env={**needed_environment(), **self.environment, **environment},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        self._processes.append(process)
        return process
