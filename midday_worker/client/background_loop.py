"""The event loop that blocking calls run on: one per process, in a thread of its own."""

from __future__ import annotations

import asyncio
import atexit
import contextvars
import os
import sys
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Final, Generic, TypeAlias, TypeVar

from midday_worker.errors import RunningLoopError

T = TypeVar("T")

OnNewLoop: TypeAlias = Callable[["BackgroundLoop"], Coroutine[None, None, object]]

_END_S: Final = 2.0
_SLICE_S: Final = 1.0


class BackgroundLoop:
    """An event loop in a daemon thread, for threads that have none."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="midday-worker sync", daemon=True)
        self._thread.start()

    def run(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make a call on the loop and wait for its outcome. An exception in this thread meanwhile cancels it.

        Raises:
            RunningLoopError: this thread runs an event loop, which would stand still.
        """
        refuse_running_loop()
        waiting = _Call(call)
        try:
            # The task that is made has this thread's context variables.
            self._loop.call_soon_threadsafe(waiting.start, context=contextvars.copy_context())
            while not waiting.outcome.done():
                # In slices: a signal that comes just before a wait without end begins is never heard.
                with suppress(TimeoutError):
                    waiting.outcome.exception(_SLICE_S)
            return waiting.outcome.result()
        except BaseException:  # a KeyboardInterrupt, say; after an error of the call's own it changes nothing
            self._loop.call_soon_threadsafe(waiting.cancel)
            raise

    def runs_here(self) -> bool:
        """Return whether this is called on the loop."""
        return threading.current_thread() is self._thread

    def iterate(self, items: AsyncGenerator[T]) -> Iterator[T]:
        """Iterate over an asynchronous generator; it is closed at the end, and when the iteration is given up.

        Raises:
            RunningLoopError: this thread runs an event loop, which would stand still.
        """
        try:
            while True:
                try:
                    item = self.run(lambda: anext(items))
                except StopAsyncIteration:
                    return
                yield item
        finally:
            self.run(items.aclose)

    def end(self) -> None:
        """Cancel what runs and stop the loop."""
        asyncio.run_coroutine_threadsafe(_cancel_all(), self._loop).result(_END_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_END_S)
        if not self._thread.is_alive():
            self._loop.close()


class _Call(Generic[T]):
    """One call and its outcome."""

    def __init__(self, call: Callable[[], Awaitable[T]]) -> None:
        self.outcome: Future[T] = Future()
        self._call = call
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    def cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        try:
            self.outcome.set_result(await self._call())
        except BaseException as error:  # whatever it is, it is the waiting thread's
            self.outcome.set_exception(error)


class ProcessLoop:
    """This process's background loop. A forked child gets one of its own."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._loop: BackgroundLoop | None = None
        self._on_new: list[OnNewLoop] = []
        self._left_behind: list[BackgroundLoop] = []
        if sys.platform != "win32":  # where nothing forks
            os.register_at_fork(after_in_child=self._leave_behind)
        atexit.register(self.end)

    def get(self) -> BackgroundLoop:
        """Return the loop, made on first use."""
        refuse_running_loop()
        with self._guard:
            if self._loop is None:
                self._loop = loop = BackgroundLoop()
                for prepare in self._on_new:
                    loop.run(partial(prepare, loop))
            return self._loop

    def existing(self) -> BackgroundLoop | None:
        """Return the loop, if it has been needed."""
        return self._loop

    def runs_here(self) -> bool:
        """Return whether this is called on the loop."""
        return self._loop is not None and self._loop.runs_here()

    def add(self, prepare: OnNewLoop) -> None:
        """Do this on the loop, if there is one, and on each new one: the first, and that of a forked child."""
        refuse_running_loop()
        with self._guard:
            self._on_new.append(prepare)
            if self._loop is not None:
                self._loop.run(partial(prepare, self._loop))

    def remove(self, prepare: OnNewLoop) -> None:
        """Don't do it any more."""
        with self._guard:
            self._on_new.remove(prepare)

    def end(self) -> None:
        """End the loop, if there is one."""
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.end()

    def _leave_behind(self) -> None:
        # The parent's thread isn't here, its sockets and its poll are the parent's too: nothing of it may be touched,
        # nor closed by the garbage collector. The lock may have been held by a thread that isn't here.
        self._guard = threading.Lock()
        if self._loop is not None:
            self._left_behind.append(self._loop)
            self._loop = None


process_loop: Final = ProcessLoop()
"""This process's."""


def refuse_running_loop() -> None:
    """Raise RunningLoopError if this thread runs an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RunningLoopError


async def _cancel_all() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.wait(others, timeout=_END_S / 2) if others else None
