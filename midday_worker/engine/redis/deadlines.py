"""Time limits for many calls at once, all of the same length, with one timer for them all.

`asyncio.timeout` makes and cancels a timer for each call, which costs as much as sending a command. Limits of one
length end in the order in which they began, so the oldest is the only one that needs a timer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType
from typing import Protocol


class Limited(Protocol):
    """What may take a certain time: a block, or a command."""

    ends_at: float

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        ...

    def expire(self) -> None:
        """End it: its time is up."""
        ...


class Deadlines:
    """Makes time limits of `seconds` each, for tasks of any event loop."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._clocks: dict[asyncio.AbstractEventLoop, Clock] = {}

    def limit(self) -> Limit:
        """Return a limit for a block of the running task, to be used with `async with`."""
        return Limit(self._clock())

    def begin(self, limited: Limited) -> None:
        """Start the time of something, on this event loop."""
        self._clock().begin(limited)

    def _clock(self) -> Clock:
        loop = asyncio.get_running_loop()
        clock = self._clocks.get(loop)
        if clock is None:
            # Those of a loop that has ended can't be told any more.
            others = {other: its for other, its in self._clocks.items() if not other.is_closed()}
            clock = Clock(self.seconds)
            self._clocks = {**others, loop: clock}
        return clock


class Clock:
    """The limits of one event loop that run, and the timer that ends them."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._running: deque[Limited] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, limit: Limited) -> None:
        """Start the time of something."""
        self.end()
        loop = asyncio.get_running_loop()
        limit.ends_at = loop.time() + self._seconds
        self._running.append(limit)
        if self._timer is None:
            self._timer = loop.call_at(limit.ends_at, self._check)

    def end(self) -> None:
        """Forget the oldest limits that are over."""
        while self._running and self._running[0].over:
            self._running.popleft()

    def _check(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        self.end()
        while self._running:
            oldest = self._running[0]
            if oldest.ends_at > loop.time():
                self._timer = loop.call_at(oldest.ends_at, self._check)
                return
            oldest.expire()
            self.end()


class Limit:
    """One block's time limit. Raises TimeoutError in its task, as `asyncio.timeout` does."""

    __slots__ = ("_cancelling", "_clock", "_expired", "_task", "ends_at", "over")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        self._expired = False
        self.ends_at = 0.0
        self.over = False

    async def __aenter__(self) -> None:
        task = self._task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a time limit needs a task to end")
        self._cancelling = task.cancelling()
        self._clock.begin(self)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        task, self._task = self._task, None
        self.over = True
        self._clock.end()
        if not self._expired or task is None:
            return
        # As asyncio.timeout: a cancellation of somebody else's stays one.
        if task.uncancel() <= self._cancelling and isinstance(error, asyncio.CancelledError):
            raise TimeoutError from error

    def expire(self) -> None:
        """Cancel the block: its time is up."""
        self.over = self._expired = True
        if self._task is not None:
            self._task.cancel()
