"""The event loop of a worker process: what leaves it, and what is left on it."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import NoReturn

import pytest
import uvloop

from midday_worker.workers.event_loop import run_to_end

LOOPS: list[Callable[[], asyncio.AbstractEventLoop] | None] = [uvloop.new_event_loop, None]


def leave() -> NoReturn:
    sys.exit(3)


async def leave_later() -> NoReturn:
    await asyncio.sleep(0)
    raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def _listening() -> object:
    """As in a worker, which takes SIGINT itself."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("new_loop", LOOPS)
def test_what_comes_out_of_callbacks_and_tasks_does_not_end_it(
    new_loop: Callable[[], asyncio.AbstractEventLoop] | None,
) -> None:
    async def work() -> bool:
        loop = asyncio.get_running_loop()
        for _ in range(50):
            loop.call_soon(leave)
            loop.call_later(0.001, leave)
            loop.stop()
            with pytest.raises(KeyboardInterrupt):
                await asyncio.gather(asyncio.sleep(10), leave_later())
            with pytest.raises(KeyboardInterrupt):
                async with asyncio.TaskGroup() as group:
                    group.create_task(leave_later())
        return True

    assert run_to_end(work(), new_loop)


@pytest.mark.parametrize("new_loop", LOOPS)
def test_what_is_left_behind_is_cancelled_and_may_raise_anything(
    new_loop: Callable[[], asyncio.AbstractEventLoop] | None,
) -> None:
    async def stay() -> None:
        with suppress(asyncio.CancelledError):  # once
            await asyncio.Event().wait()
        try:
            await asyncio.Event().wait()
        finally:
            leave()

    left: list[asyncio.Task[None]] = []
    generators: list[AsyncGenerator[int]] = []

    async def generate() -> AsyncGenerator[int]:
        try:
            yield 1
        finally:
            asyncio.get_running_loop().call_soon(leave)
            await asyncio.sleep(0.01)

    async def work() -> bool:
        generators.append(generate())
        await anext(generators[0])
        left.extend(asyncio.create_task(stay()) for _ in range(3))
        await asyncio.sleep(0)
        return True

    assert run_to_end(work(), new_loop)
    assert [type(task.exception()) for task in left] == [SystemExit] * 3


async def _refuse() -> bool:
    raise LookupError("no Redis")


def test_what_the_work_raises_is_raised() -> None:
    with pytest.raises(LookupError, match="no Redis"):
        run_to_end(_refuse(), None)
