"""What happens to processes that run handlers."""

from __future__ import annotations

import signal

from midday_worker.errors.root import MiddayWorkerError


class JobProcessError(MiddayWorkerError):
    """The process that ran a handler ended before the handler did: it crashed, was killed, or exited.

    Only this job's attempt fails; it is tried again like any other failure.

    Attributes:
        job: the job's name.
        exit_code: the process's; None if a signal ended it.
        signal: the signal's name; None if it exited.
    """

    def __init__(self, job: str, returncode: int) -> None:
        self.job = job
        self.exit_code = returncode if returncode >= 0 else None
        self.signal = None if returncode >= 0 else _name(-returncode)
        how = f"exited with code {returncode}" if self.signal is None else f"was ended by {self.signal}"
        hint = ""
        if self.signal == "SIGKILL":
            hint = ": the system is out of memory, or somebody killed it"
        elif self.signal is not None:
            hint = ": it crashed, or somebody ended it"
        super().__init__(f"The process that ran job {job!r} {how} before the handler returned{hint}.")


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
