"""The watchdog: a thread that notices when the event loop is blocked, and says by which job, and where."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import traceback
from typing import Final

from loguru import logger

from midday_worker.engine.job.threads import in_thread
from midday_worker.telemetry.metrics.catalogue import LAGS
from midday_worker.telemetry.metrics.distribution import Distribution

LIMIT_S: Final = 1.0
"""How long the loop may be blocked before it is said."""


class Watchdog:
    """Watches one event loop from a thread. Said once for each time that the loop is blocked.

    A blocked loop delays every other job, heartbeats and the drain; the jobs' locks are renewed by a thread of their
    own and last.

    Attributes:
        limit_s: how long the loop may be blocked, in seconds.
        lags: how late the loop woke up, each time.
    """

    def __init__(self, limit_s: float = LIMIT_S) -> None:
        self.limit_s = limit_s
        self.lags = Distribution(LAGS)
        self._turned_at = time.monotonic()
        self._stop = threading.Event()
        self._said = False
        self._ticking: asyncio.Task[None] | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start watching the running loop."""
        loop, loop_thread = asyncio.get_running_loop(), threading.get_ident()
        self._turned_at = time.monotonic()
        self._ticking = asyncio.create_task(self._tick())
        self._thread = threading.Thread(
            target=self._watch, args=(loop, loop_thread), name="midday-worker-watchdog", daemon=True
        )
        self._thread.start()

    async def stop(self) -> None:
        """Stop watching."""
        self._stop.set()
        if self._ticking is not None:
            self._ticking.cancel()
        if self._thread is not None:
            # In no thread of the loop's own: handlers may have taken them all.
            await in_thread(self._thread.join, self.limit_s)

    async def _tick(self) -> None:
        while True:
            self._turned_at = time.monotonic()
            await asyncio.sleep(self.limit_s / 4)
            self.lags.observe(max(0.0, time.monotonic() - self._turned_at - self.limit_s / 4))

    def _watch(self, loop: asyncio.AbstractEventLoop, loop_thread: int) -> None:
        while not self._stop.wait(self.limit_s / 4):
            blocked_s = time.monotonic() - self._turned_at
            if blocked_s < self.limit_s:
                self._said = False
            elif not self._said:
                self._said = True
                _say(loop, loop_thread, blocked_s)


def _say(loop: asyncio.AbstractEventLoop, loop_thread: int, blocked_s: float) -> None:
    task = asyncio.current_task(loop)
    frame = sys._current_frames().get(loop_thread)  # pyright: ignore[reportPrivateUsage] - the documented way to another thread's stack
    logger.warning(
        "the event loop has been blocked for {s:.1f} s by {task}; every other job waits. Use a plain def handler, "
        "which runs in a thread, or await. It is at:\n{stack}",
        s=blocked_s,
        task=task.get_name() if task is not None else "a callback",
        stack="".join(traceback.format_stack(frame)[-8:]) if frame is not None else "(no stack)",
    )
