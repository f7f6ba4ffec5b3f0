"""Of all who wait until Redis stores again, one asks at a time."""

from __future__ import annotations

import asyncio
import math
import time

import pytest

from midday_worker.engine.redis import retry_queue as module
from midday_worker.engine.redis.pause import FIRST_S, LONGEST_S
from midday_worker.engine.redis.retry_queue import RetryQueue


async def test_a_hundred_who_wait_ask_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def pause_s(_failures: int) -> float:
        return 0.02

    monkeypatch.setattr(module, "pause_s", pause_s)
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


@pytest.mark.parametrize(("left", "most"), [(math.inf, LONGEST_S), (1.0, 0.5), (0.15, FIRST_S)])
async def test_the_last_tries_before_a_deadline_come_closer_together(
    monkeypatch: pytest.MonkeyPatch, left: float, most: float
) -> None:
    """Or what Redis could store again just before a lock expires would be given up."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    retries, until = RetryQueue(), time.monotonic() + left
    for _ in range(20):
        await retries.wait(until)
    assert slept
    assert max(slept) <= most
