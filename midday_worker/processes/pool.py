"""`ProcessPool`: a queue's children, started when they are needed, as many as jobs run at once."""

from __future__ import annotations

import asyncio
from typing import Final

from midday_worker.processes.child import Child, Serve
from midday_worker.processes.message import Call

GRACE_S: Final = 1.0
"""How long a handler that sees `ctx.cancelled` may take before its process is killed."""


class ProcessPool:
    """Runs each call in a process that runs nothing else meanwhile, and keeps the process for later calls."""

    def __init__(self) -> None:
        self._idle: list[Child] = []
        self._busy: set[Child] = set()
        self._retiring: set[asyncio.Task[None]] = set()

    @property
    def pids(self) -> set[int]:
        """The process ids of all children."""
        return {child.pid for child in (*self._idle, *self._busy)}

    async def run(self, call: Call, serve: Serve, max_tasks: int) -> str:
        """Run a handler; return its result as JSON text. Cancelled, its process is told, and soon killed.

        Args:
            call: which handler, and the job.
            serve: does what the handler asks for.
            max_tasks: a process that has run so many calls is replaced.

        Raises:
            JobProcessError: the process ended before the handler did.
            Exception: what the handler raised.
        """
        child = await self._take()
        self._busy.add(child)
        try:
            outcome = await _conversation(child, call, serve)
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
        for child in self._idle:
            self._retire(child)
        self._idle.clear()
        if self._retiring:
            await asyncio.wait(self._retiring)

    async def _take(self) -> Child:
        while self._idle:
            child = self._idle.pop()
            if child.is_alive:
                return child
            self._retire(child)
        return await Child.start()

    def _put_back(self, child: Child, max_tasks: int) -> None:
        if child.is_alive and child.calls < max_tasks:
            self._idle.append(child)
        else:
            self._retire(child)

    def _retire(self, child: Child) -> None:
        task = asyncio.create_task(child.retire())
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)


async def _conversation(child: Child, call: Call, serve: Serve) -> str | BaseException:
    """Call a child, and hear it out even when cancelled: a child that has not answered can't be used again."""
    talk = asyncio.create_task(child.call(call, serve))
    try:
        return await asyncio.shield(talk)
    except asyncio.CancelledError:
        child.cancel()
        try:
            await asyncio.wait({talk}, timeout=GRACE_S)
        finally:
            if not talk.done():
                child.kill()
                await asyncio.wait({talk})
        raise
