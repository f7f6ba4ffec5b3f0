"""Time limits that share a timer: each ends its own block, and nothing else."""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from collections.abc import Callable

import pytest

from midday_worker.engine.redis.deadlines import Deadlines
from midday_worker.engine.transport.command import Command

LONG_S = 30.0


async def test_a_block_that_takes_too_long_raises_a_timeout() -> None:
    with pytest.raises(TimeoutError):
        async with Deadlines(0.01).limit():
            await asyncio.sleep(LONG_S)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_block_that_ends_in_time_is_left_alone() -> None:
    deadlines = Deadlines(0.01)
    async with deadlines.limit():
        pass
    await asyncio.sleep(0.05)  # past the limit, whose timer has to find nothing
    async with asyncio.timeout(LONG_S):
        async with deadlines.limit():
            pass


async def test_each_of_many_blocks_has_its_own_limit() -> None:
    """The first ends late, so that those after it have to outlive its timer."""
    deadlines = Deadlines(0.05)
    began = asyncio.Event()

    async def wait(seconds: float) -> str:
        try:
            async with deadlines.limit():
                began.set()
                await asyncio.sleep(seconds)
        except TimeoutError:
            return "late"
        return "in time"

    first = [asyncio.create_task(wait(seconds)) for seconds in (LONG_S, 0, LONG_S)]
    await began.wait()
    await asyncio.sleep(0.03)
    then = [asyncio.create_task(wait(seconds)) for seconds in (0, LONG_S)]
    assert await asyncio.gather(*first, *then) == ["late", "in time", "late", "in time", "late"]


async def test_a_command_whose_time_is_up_raises_a_timeout_and_one_that_is_answered_does_not() -> None:
    loop, deadlines = asyncio.get_running_loop(), Deadlines(0.01)
    answered, late = (Command(loop.create_future(), b"") for _ in range(2))
    for command in (answered, late):
        deadlines.begin(command)
    answered.future.set_result("reply")
    async with asyncio.timeout(LONG_S):
        with pytest.raises(TimeoutError):
            await late.future
    assert await answered.future == "reply"


async def test_commands_that_are_over_are_not_held() -> None:
    loop, deadlines = asyncio.get_running_loop(), Deadlines(LONG_S)
    commands = [Command(loop.create_future(), b"") for _ in range(3)]
    held = [weakref.ref(command.future) for command in commands]
    while commands:
        deadlines.begin(commands[-1])
        commands.pop().future.set_result(None)
    deadlines.begin(Command(loop.create_future(), b""))
    assert [ref() for ref in held] == [None, None, None]


async def test_somebody_elses_cancellation_stays_one() -> None:
    deadlines = Deadlines(LONG_S)

    async def block() -> None:
        async with deadlines.limit():
            await asyncio.sleep(LONG_S)

    task = asyncio.create_task(block())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancellation_together_with_the_limit_stays_one() -> None:
    async def block() -> None:
        limit = Deadlines(LONG_S).limit()
        async with limit:
            limit.expire()
            task.cancel()
            await asyncio.sleep(LONG_S)

    task = asyncio.create_task(block())
    with pytest.raises(asyncio.CancelledError):
        await task


def test_limits_work_on_a_second_loop() -> None:
    deadlines = Deadlines(0.01)

    async def late() -> None:
        async with deadlines.limit():
            await asyncio.sleep(LONG_S)

    for _ in range(2):
        with pytest.raises(TimeoutError):
            asyncio.run(late())


def test_limits_of_two_loops_that_live_at_once_do_not_disturb_each_other() -> None:
    deadlines, begun, ended = Deadlines(0.2), threading.Event(), list[str]()

    async def late(then: Callable[[], object]) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5), deadlines.limit():
                then()
                await asyncio.sleep(LONG_S)
        ended.append("late")

    async def both() -> None:
        first = asyncio.create_task(late(begun.set))
        await asyncio.to_thread(begun.wait, 5)
        await asyncio.to_thread(asyncio.run, late(begun.clear))
        await first

    started = time.monotonic()
    asyncio.run(both())
    assert ended == ["late", "late"]
    assert time.monotonic() - started < 4
