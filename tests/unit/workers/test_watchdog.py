"""The watchdog over a loop that is blocked for a while."""

from __future__ import annotations

import asyncio
import threading
import time

from loguru import logger

from midday_worker.workers.watchdog import Watchdog


def block_until(said: threading.Event) -> None:
    said.wait(10)


async def test_a_blocked_loop_is_said_once_with_the_job_and_the_line() -> None:
    """The job's task is named, and the stack holds the line that blocks."""
    lines: list[str] = []
    said = threading.Event()

    def hear(line: str) -> None:
        lines.append(line)
        said.set()

    sink = logger.add(hear, level="WARNING", format="{message}")
    watchdog = Watchdog(limit_s=0.2)
    watchdog.start()
    try:

        async def handler() -> None:
            await asyncio.sleep(0)
            block_until(said)
            time.sleep(0.4)  # noqa: ASYNC251 - blocked on, past another look of the watchdog

        await asyncio.create_task(handler(), name="job resize 42")
    finally:
        await watchdog.stop()
        logger.remove(sink)
    assert len(lines) == 1
    assert "blocked for" in lines[0]
    assert "job resize 42" in lines[0]
    assert "block_until(said)" in lines[0]


async def test_a_loop_that_turns_is_left_in_peace() -> None:
    """Awaiting is not blocking, however long it takes."""
    lines: list[str] = []
    sink = logger.add(lines.append, level="WARNING", format="{message}")
    watchdog = Watchdog(limit_s=1.0)
    watchdog.start()
    try:
        await asyncio.sleep(2.5)  # twice the limit and more; a lower limit is reached by a busy machine's own pauses
    finally:
        await watchdog.stop()
        logger.remove(sink)
    assert lines == []
