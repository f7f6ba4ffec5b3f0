"""Of all who wait until Redis stores again, one asks at a time."""

from __future__ import annotations

import asyncio
import time

import pytest

from midday_worker.engine.redis import retry_queue as module
from midday_worker.engine.redis.retry_queue import RetryQueue


async def test_a_hundred_who_wait_ask_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST_S", 0.02)
    monkeypatch.setattr(module, "_LONGEST_S", 0.02)
    retries, asked = RetryQueue(), 0

    async def ask() -> None:
        nonlocal asked
        await retries.wait(time.monotonic() + 60)
        asked += 1

    tasks = [asyncio.create_task(ask()) for _ in range(100)]
    await asyncio.sleep(0.1)  # what is counted is that few have asked
    assert 0 < asked < 10
    retries.note_success()
    async with asyncio.timeout(5):
        await asyncio.gather(*tasks)
    assert asked == 100


async def test_whose_time_is_over_is_told_so() -> None:
    retries = RetryQueue()
    assert await retries.wait(time.monotonic() - 1) is False


async def test_after_a_success_there_is_time_whatever_the_clock_says() -> None:
    retries = RetryQueue()
    waiting = asyncio.create_task(retries.wait(time.monotonic() + 0.05))
    await asyncio.sleep(0)
    retries.note_success()
    assert await waiting is True
