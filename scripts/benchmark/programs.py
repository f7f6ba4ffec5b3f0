"""Contenders' programs as processes: workers, which write ledgers, and producers, which take orders."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

from midday_worker.embedded.process import end_with_parent
from scripts.benchmark.contenders.program import Answer, Order

ROOT: Final = Path(__file__).parents[2]
_STOP_S: Final = 15
_ANSWER_S: Final = 120
_OURS: Final = ("REDIS_", "DATABASE_", "WORKER_", "ENVIRONMENT", "LOG_", "BENCH_")
_MIB: Final = 1024 * 1024


class ProgramError(Exception):
    """A contender's program ended, or didn't answer."""


@dataclass(frozen=True, slots=True)
class Program:
    """How a program is started."""

    command: Sequence[str]
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    folder: Path | None = None
    """Its working directory, if it needs a certain one."""

    def start(self, variables: Mapping[str, str], output: Path, *, talk: bool = False) -> subprocess.Popen[str]:
        """Start it.

        Args:
            variables: its environment, beside this process's without any of our settings.
            output: the file that gets what it prints, of which with `talk` only the errors.
            talk: whether its input and output are pipes.
        """
        clean = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        with output.open("ab") as file:
            return subprocess.Popen(
                self.command,
                env={**clean, "PYTHONPATH": str(ROOT), **self.variables, **variables},
                cwd=self.folder or output.parent,
                stdin=subprocess.PIPE if talk else subprocess.DEVNULL,
                stdout=subprocess.PIPE if talk else file,
                stderr=file,
                text=True,
                start_new_session=True,
                preexec_fn=end_with_parent(signal.SIGTERM),
            )


class Producer:
    """A program that adds jobs, for as long as it is wanted.

    Args:
        program: the program.
        variables: its environment.
        folder: for its errors.
    """

    def __init__(self, program: Program, variables: Mapping[str, str], folder: Path) -> None:
        self._errors = folder / "producer.txt"
        self._process = program.start({**variables, "BENCH_FOLDER": str(folder)}, self._errors, talk=True)
        try:
            self._answer()
        except ProgramError:
            self.stop()
            raise

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def add(self, mode: str, numbers: range, pause_ms: float = 0) -> Answer:
        """Let it add jobs, and return how long that took."""
        self.order(mode, numbers, pause_ms)
        return self.answer()

    def order(self, mode: str, numbers: range, pause_ms: float = 0) -> None:
        """Let it add jobs; its answer has to be asked for before the next order."""
        order: Order = {"mode": mode, "count": len(numbers), "first": numbers.start, "pause_ms": pause_ms}
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended: there will be no answer
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()

    def answer(self) -> Answer:
        """Return what it says when an order is carried out."""
        return cast("Answer", self._answer())

    def _answer(self) -> object:
        output = self._process.stdout
        assert output is not None
        ready, _, _ = select.select([output], [], [], _ANSWER_S)
        line = output.readline() if ready else ""
        if not line:
            raise ProgramError(f"the producer said nothing: {tail(self._errors)}")
        return json.loads(line)

    def stop(self) -> None:
        """End it."""
        stop(self._process)


def stop(process: subprocess.Popen[str]) -> None:
    """Ask a process to end, and kill it, with its children, if it doesn't."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(BrokenPipeError):
                pipe.close()


def resident_mib(pid: int) -> float:
    """Return the resident memory of a process and its children, in MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return pages * os.sysconf("SC_PAGE_SIZE") / _MIB + sum(resident_mib(int(child)) for child in children)


def tail(path: Path, characters: int = 300) -> str:
    """Return the end of what a program has printed, on one line."""
    return " ".join(path.read_text(errors="replace").split())[-characters:] or "it printed nothing"
