"""The threads of plain functions: used again, bounded, and with the caller's context."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable

import pytest
from loguru import logger

from midday_worker.engine.job import threads as module
from midday_worker.engine.job.threads import Threads
from tests.deadline import eventually


def until(condition: Callable[[], bool], what: str) -> asyncio.Future[None]:
    async def holds() -> bool:
        return condition()

    return asyncio.ensure_future(eventually(holds, what, 10))


async def test_one_call_after_another_uses_one_thread() -> None:
    threads = Threads(3)
    used = {await threads.run(threading.get_ident) for _ in range(20)}
    threads.close()
    assert len(used) == 1


async def test_a_call_has_its_callers_context_and_none_of_the_call_before() -> None:
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="nobody")

    def rename(new: str) -> str:
        before = name.get()
        name.set(new)
        return before

    threads = Threads(1)
    name.set("caller")
    assert [await threads.run(rename, "first"), await threads.run(rename, "second")] == ["caller", "caller"]
    threads.close()


async def test_a_cancelled_call_is_left_behind_and_the_next_one_does_not_wait_for_it() -> None:
    threads, hang = Threads(1), threading.Event()
    hanging = asyncio.create_task(threads.run(hang.wait))
    await asyncio.sleep(0)
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging
    assert await threads.run(int, "1") == 1
    hang.set()
    threads.close()


async def test_as_many_calls_as_slots_may_be_left_behind_and_then_one_waits_and_says_for_what() -> None:
    threads, hang, lines = Threads(1), threading.Event(), list[str]()
    sink = logger.add(lambda message: lines.append(message.record["message"]), format="{message}")

    def hangs() -> None:
        hang.wait(30)

    for _ in range(2):
        hanging = asyncio.create_task(threads.run(hangs))
        await asyncio.sleep(0)
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging
    waiting = asyncio.create_task(threads.run(int, "1"))
    await until(lambda: any("cancelled calls still run of hangs" in line for line in lines), "it is said")
    logger.remove(sink)
    assert not waiting.done()
    hang.set()
    assert await waiting == 1
    threads.close()


async def test_threads_without_work_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_IDLE_S", 0.01)
    thread = await Threads(1).run(threading.current_thread)
    await until(lambda: not thread.is_alive(), "the thread has ended")


async def test_closing_ends_the_threads_that_wait_for_work() -> None:
    threads = Threads(1)
    thread = await threads.run(threading.current_thread)
    assert (thread.is_alive(), thread.daemon) == (True, True)
    threads.close()
    await until(lambda: not thread.is_alive(), "the thread has ended")


async def test_what_a_call_raises_reaches_the_caller_even_system_exit() -> None:
    threads = Threads(1)

    def leave() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit, match="3"):
        await threads.run(leave)
    with pytest.raises(RuntimeError, match="StopIteration"):
        await threads.run(next, iter(()))
    assert await threads.run(int, "1") == 1
    threads.close()
