"""`ProcessPool`: a queue's children, started when they are needed, as many as jobs run at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from midday_worker.processes.handler_process import HandlerProcess, Serve
from midday_worker.processes.message import HandlerCall

IDLE_S: Final = 60.0
"""How long a process without work is kept."""


class ProcessPool:
    """Runs each call in a process that runs nothing else meanwhile, and keeps the process for later calls.

    Args:
        settings: the worker's by field name, for its processes' logs and their `.sync` calls.
        idle_s: how long a process without work is kept.
    """

    def __init__(self, settings: Mapping[str, object] | None = None, idle_s: float = IDLE_S) -> None:
        self._settings = settings
        self._idle_s = idle_s
        self._idle: dict[HandlerProcess, asyncio.TimerHandle] = {}
        self._busy: set[HandlerProcess] = set()
        self._retiring: set[asyncio.Task[None]] = set()

    @property
    def pids(self) -> set[int]:
        """The process ids of all children."""
        return {child.pid for child in (*self._idle, *self._busy)}

    async def run(self, call: HandlerCall, serve: Serve, max_tasks: int, grace_s: float) -> str:
        """Run a handler; return its result as JSON text. Cancelled, its process is told, and soon killed.

        Args:
            call: which handler, and the job.
            serve: does what the handler asks for.
            max_tasks: a process that has run so many calls is replaced.
            grace_s: how long a handler that sees `ctx.cancelled` may take before its process is killed.

        Raises:
            JobProcessError: the process ended before the handler did.
            Exception: what the handler raised.
        """
        child = await self._take()
        self._busy.add(child)
        try:
            outcome = await _conversation(child, call, serve, grace_s)
            if isinstance(outcome, MemoryError):  # the process is not what it was, even if it has survived
                max_tasks = 0
        finally:
            self._busy.discard(child)
            self._put_back(child, max_tasks)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    async def close(self) -> None:
        """End all children; those that still run a handler are killed."""
        for child in self._busy:
            child.kill()
        for child in list(self._idle):
            self._end_idle(child)
        if self._retiring:
            await asyncio.wait(self._retiring)

    async def _take(self) -> HandlerProcess:
        while self._idle:
            child, timer = self._idle.popitem()  # the last one: those that aren't needed any more end
            timer.cancel()
            if child.is_alive:
                return child
            self._retire(child)
        return await HandlerProcess.start(self._settings)

    def _put_back(self, child: HandlerProcess, max_tasks: int) -> None:
        if child.is_alive and child.calls < max_tasks:
            self._idle[child] = asyncio.get_running_loop().call_later(self._idle_s, self._end_idle, child)
        else:
            self._retire(child)

    def _end_idle(self, child: HandlerProcess) -> None:
        self._idle.pop(child).cancel()
        self._retire(child)

    def _retire(self, child: HandlerProcess) -> None:
        task = asyncio.create_task(child.retire())
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)


async def _conversation(child: HandlerProcess, call: HandlerCall, serve: Serve, grace_s: float) -> str | BaseException:
    """Call a child, and hear it out even when cancelled: a child that has not answered can't be used again."""
    talk = asyncio.create_task(child.call(call, serve))
    try:
        return await asyncio.shield(talk)
    except asyncio.CancelledError:
        child.cancel()
        try:
            await asyncio.wait({talk}, timeout=grace_s)
        finally:
            if not talk.done():
                child.kill()
                await asyncio.wait({talk})
        raise
