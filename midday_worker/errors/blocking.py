"""What is wrong with a call that blocks."""

from __future__ import annotations

from midday_worker.errors.root import MiddayWorkerError


class RunningLoopError(MiddayWorkerError, RuntimeError):
    """A blocking call was made in a thread that runs an event loop, which would have stood still."""

    def __init__(self) -> None:
        super().__init__(
            "This thread runs an event loop, and a blocking call would stop it: await the asynchronous call here "
            "(my_job.trigger(...) instead of my_job.sync.trigger(...)), or make this one in another thread."
        )
