"""Plain functions in threads that are used again, and that the process's end doesn't wait for.

`asyncio.to_thread` shares a few threads: jobs would wait for one whatever their queue's concurrency, and one that
hangs would keep the process from ending after its drain.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Final, NoReturn, ParamSpec, TypeAlias, TypeVar

from loguru import logger

P = ParamSpec("P")
T = TypeVar("T")

Settle: TypeAlias = Callable[[], None]
Work: TypeAlias = Callable[[], Settle]
"""Does some work, and returns what tells its caller of the outcome."""

_IDLE_S: Final = 30.0
"""How long a thread without work waits for some before it ends."""


class Threads:
    """A queue's threads: as many as jobs run at once, kept for the next jobs.

    A call that is cancelled leaves its thread behind, since a thread can't be stopped; another one takes its place.
    At most as many may be left behind as there are slots: beyond that a call waits for one of them to end.

    Args:
        size: how many calls run at once, the queue's concurrency.
    """

    def __init__(self, size: int) -> None:
        self._free = asyncio.Semaphore(2 * size)
        self._idle: list[_Thread] = []
        self._guard = threading.Lock()
        self._left_behind: dict[_Thread, str] = {}

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function in a thread and return its result. Cancelled, it goes on, and nobody hears of it."""
        if self._free.locked():
            logger.warning("this job waits for a thread: cancelled calls still run of {names}", names=self.left_behind)
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        outcome, work = _call(function, *args, **kwargs)
        thread = self._take()
        thread.start(work, partial(self._give_back, thread, loop))
        try:
            return await asyncio.wrap_future(outcome)
        except asyncio.CancelledError:
            with self._guard:
                if thread not in self._idle:
                    self._left_behind[thread] = _name(function)
            raise

    @property
    def left_behind(self) -> str:
        """The names of the functions whose calls were cancelled and go on; empty if there are none."""
        with self._guard:
            return ", ".join(sorted(set(self._left_behind.values())))

    def close(self) -> None:
        """End the threads that wait for work."""
        with self._guard:
            idle, self._idle = self._idle, []
        for thread in idle:
            thread.end()

    def _take(self) -> _Thread:
        with self._guard:
            if self._idle:
                return self._idle.pop()
        return _Thread(self._forget)

    def _give_back(self, thread: _Thread, loop: asyncio.AbstractEventLoop) -> None:
        with self._guard:
            self._left_behind.pop(thread, None)
            self._idle.append(thread)
        with suppress(RuntimeError):  # the loop is closed: the worker has ended meanwhile
            loop.call_soon_threadsafe(self._free.release)

    def _forget(self, thread: _Thread) -> bool:
        """Take an idle thread off the list; False if it has been given work meanwhile."""
        with self._guard:
            if thread not in self._idle:
                return False
            self._idle.remove(thread)
            return True


class _Thread:
    """One thread, which works until nobody needs it for a while. The process doesn't wait for it: it is a daemon."""

    def __init__(self, forget: Callable[[_Thread], bool]) -> None:
        self._forget = forget
        self._work: SimpleQueue[tuple[Work, Callable[[], None]] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self, work: Work, on_end: Callable[[], None]) -> None:
        """Do some work; then, in the thread too, call `on_end`, and tell of the outcome."""
        self._work.put((work, on_end))
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="midday-worker job", daemon=True)
            self._thread.start()

    def end(self) -> None:
        """End the thread once it has no work."""
        self._work.put(None)

    def _run(self) -> None:
        while (given := self._next()) is not None:
            work, on_end = given
            settle = work()
            on_end()  # before the next job starts, which is for this thread
            settle()
            del work, on_end, given, settle  # what the job held has to go, however long the thread waits

    def _next(self) -> tuple[Work, Callable[[], None]] | None:
        while True:
            try:
                return self._work.get(timeout=_IDLE_S)
            except Empty:
                if self._forget(self):
                    return None


async def heard_out(call: Coroutine[None, None, T], tell: Callable[[], object], clean_up_s: float) -> T:
    """Await a call in a thread and return its result. Cancelled, it is told, and soon left behind.

    Args:
        call: the call.
        tell: lets the function see that it is to stop: a thread can't be stopped.
        clean_up_s: how long it may take then.
    """
    task = asyncio.create_task(_ended(call))
    try:
        outcome = await asyncio.shield(task)
    except asyncio.CancelledError:
        tell()
        try:
            await asyncio.wait({task}, timeout=clean_up_s)
        finally:
            task.cancel()
        raise
    return outcome()


async def _ended(call: Coroutine[None, None, T]) -> Callable[[], T]:
    try:
        result = await call
    except BaseException as error:  # SystemExit, raised by a task, would end the event loop
        return partial(_raise, error)
    return lambda: result


def _raise(error: BaseException) -> NoReturn:
    raise error


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function in a thread of its own and return its result. Cancelled, it goes on, and nobody hears of it."""
    outcome, work = _call(function, *args, **kwargs)
    threading.Thread(target=lambda: work()(), name=f"midday-worker {_name(function)}", daemon=True).start()
    return await asyncio.wrap_future(outcome)


def _call(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> tuple[Future[T], Work]:
    """Return a call's outcome to be, and what brings it about, in the caller's context."""
    context = contextvars.copy_context()
    outcome: Future[T] = Future()
    outcome.set_running_or_notify_cancel()  # from here on, the caller's cancellation leaves it alone

    def work() -> Settle:
        try:
            return partial(outcome.set_result, context.run(function, *args, **kwargs))
        except StopIteration as error:  # asyncio's futures refuse it, and the caller would wait for ever
            return partial(outcome.set_exception, _as_runtime_error(error))
        except BaseException as error:  # SystemExit too: the caller decides what it means
            return partial(outcome.set_exception, error)

    return outcome, work


def _as_runtime_error(error: StopIteration) -> RuntimeError:
    refused = RuntimeError("the function raised StopIteration")
    refused.__cause__ = error
    return refused


def _name(function: Callable[..., object]) -> str:
    return str(getattr(function, "__name__", type(function).__name__))
