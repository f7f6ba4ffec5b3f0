"""`Member`: this process's place among the worker processes of one service."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, field
from typing import Final

FORCE_SIGNAL: Final[signal.Signals] = getattr(signal, "SIGHUP", signal.SIGTERM)  # not on Windows
"""What a supervisor sends for "don't wait for running jobs". To a member, SIGTERM only ever means "drain": an init
system that signals the whole service sends it a second one."""

END_OF_BANNER: Final = b"\0"


@dataclass(frozen=True, slots=True)
class Member:
    """What the supervisor has told this process of itself. Make it before anything starts other programs.

    Args:
        index: its number, from 1.
        count: how many there are.
        ready_fd: where it says that it is ready.
        status_fd: where it is asked for its status, if it is.
    """

    index: int
    count: int
    ready_fd: int
    status_fd: int | None = None
    supervisor: int = field(default_factory=os.getppid)

    def __post_init__(self) -> None:
        # Programs that jobs start must not hold it open.
        os.set_inheritable(self.ready_fd, False)

    def report(self, banner: str) -> bool:
        """Tell the supervisor that jobs are taken from now on. Returns False if it is gone."""
        try:
            with os.fdopen(self.ready_fd, "wb") as ready:
                ready.write(banner.encode() + END_OF_BANNER)
        except BrokenPipeError:
            return False
        return True
