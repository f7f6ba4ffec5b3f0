"""Waiting for many jobs: `results` in their order, `as_completed` in that of their ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import TypeVar

from midday_worker.engine.following.ending import Ending
from midday_worker.engine.following.waiter import Waiter
from midday_worker.handles.handle import JobHandle
from midday_worker.settings.durations import Duration, to_milliseconds

R = TypeVar("R")


async def results(handles: Iterable[JobHandle[R]], timeout: Duration | None = None) -> list[R]:  # noqa: ASYNC109 - waits by the stream
    """Wait for jobs and return their results in the order of the handles.

    The first job that fails ends the wait with its error; the other jobs go on. To have every outcome, use
    `as_completed`.

    Args:
        handles: of any jobs, queues and clients.
        timeout: how long to wait for all of them.

    Raises:
        JobFailedError: a job failed for good.
        JobResultTimeoutError: not all had ended in time; it names the first one that hadn't.
        JobNotFoundError: Redis doesn't hold one of them.

    >>> async def add_up(parts: list[JobHandle[int]]) -> int:
    ...     return sum(await results(parts, timeout="30s"))
    """
    wanted = list(handles)
    found: dict[int, R] = {}
    timeout_ms = None if timeout is None else to_milliseconds(timeout, "results' timeout")
    async with aclosing(_endings(wanted, timeout_ms)) as endings:
        async for index, ending in endings:
            found[index] = wanted[index].result_of(await wanted[index].with_version(ending))
    return [found[index] for index in range(len(wanted))]


async def as_completed(
    handles: Iterable[JobHandle[R]],
    timeout: Duration | None = None,  # noqa: ASYNC109 - waits by the stream
) -> AsyncGenerator[JobHandle[R]]:
    """Yield the handles of jobs as they end, whether they completed, failed or are gone.

    The yielded handle equals the given one and knows how its job ended: `await handle.result()` answers at once, even
    if the job has been removed meanwhile.

    Args:
        handles: of any jobs, queues and clients.
        timeout: how long to wait for all of them.

    Raises:
        JobResultTimeoutError: not all had ended in time; it names the first one that hadn't.

    >>> async def report(parts: list[JobHandle[int]]) -> None:
    ...     async for part in as_completed(parts):
    ...         print(part.id, await part.result())
    """
    wanted = list(handles)
    timeout_ms = None if timeout is None else to_milliseconds(timeout, "as_completed's timeout")
    async with aclosing(_endings(wanted, timeout_ms)) as endings:
        async for index, ending in endings:
            yield replace(wanted[index], ending=ending)


async def _endings(handles: Sequence[JobHandle[object]], timeout_ms: int | None) -> AsyncGenerator[tuple[int, Ending]]:
    ended: asyncio.Queue[int] = asyncio.Queue()
    waiters: dict[int, Waiter] = {}
    deadline = None if timeout_ms is None else asyncio.get_running_loop().time() + timeout_ms / 1000
    try:
        for index, handle in enumerate(handles):
            waiters[index] = waiter = handle.wait()
            waiter.ending.add_done_callback(partial(_note, ended, index))
        while waiters:
            try:
                async with asyncio.timeout_at(deadline):
                    index = await ended.get()
            except TimeoutError:
                index = min(waiters)
                await handles[index].late_ending(waiters[index], timeout_ms or 0)
            if index not in waiters:  # it was looked at when the time was up, and has been told of
                continue
            waiter = waiters.pop(index)
            waiter.leave(waiter)
            yield index, waiter.ending.result()
    finally:
        for waiter in waiters.values():
            waiter.leave(waiter)


def _note(ended: asyncio.Queue[int], index: int, _: asyncio.Future[Ending]) -> None:
    ended.put_nowait(index)
