"""The pauses between the tries of who waits for Redis."""

from __future__ import annotations

import asyncio
import random
import time

import pytest

from midday_worker.engine.redis.pause import FIRST_S, LONGEST_S, pause, pause_s


def test_pauses_grow_to_a_limit_however_many_there_are() -> None:
    pauses = [pause_s(failures) for failures in range(1, 2_000)]
    assert FIRST_S <= pauses[0] <= 2 * FIRST_S
    assert all(LONGEST_S / 2 <= one <= LONGEST_S for one in pauses[10:])


async def test_a_pause_ends_at_its_limit_however_many_failures_there_were(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "random", lambda: 10**6)  # a pause of days
    await pause(10**6, asyncio.Event(), time.monotonic() + 0.01)
    await pause(10**6, asyncio.Event(), time.monotonic() - 1)


async def test_a_stop_ends_a_pause() -> None:
    stop = asyncio.Event()
    pausing = asyncio.create_task(pause(10**6, stop))
    stop.set()
    began = time.monotonic()
    await pausing
    assert time.monotonic() - began < LONGEST_S / 2
