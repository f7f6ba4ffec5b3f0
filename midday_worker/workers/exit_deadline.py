"""`ExitDeadline`: ends the process soon after its work has ended, whatever still runs in it."""

from __future__ import annotations

import os
import threading
import time
from queue import SimpleQueue
from typing import Final

EXIT_S: Final = 1.8
"""How long a process may take to end by itself after its last words, or after a second signal."""


class ExitDeadline:
    """A thread that ends the process when its time is over; the process may end by itself before. Made by its owner.

    What may hold it otherwise: a thread of `asyncio.to_thread`, a task that swallows its cancellation, a handler that
    blocks the event loop, a process that a handler has started, what is called at the interpreter's end.

    Attributes:
        clean: whether the process may end with 0.
    """

    def __init__(self) -> None:
        self.clean = False
        # Its `put` may be called by a signal's handler, between any two lines.
        self._begun: SimpleQueue[None] = SimpleQueue()
        threading.Thread(target=self._end, name="midday-worker-exit", daemon=True).start()

    def begin(self) -> None:
        """Start the time from now on, or leave it running."""
        self._begun.put(None)

    def _end(self) -> None:
        self._begun.get()
        time.sleep(EXIT_S)
        # Without a word: whoever writes may have to wait for a reader that is gone.
        os._exit(0 if self.clean and not _threads() else 1)


def _threads() -> list[threading.Thread]:
    """The threads, beside the main one, for which the interpreter would wait."""
    return [thread for thread in threading.enumerate() if not thread.daemon and thread is not threading.main_thread()]
