"""Listening for cancellations at a server that doesn't let anybody listen."""

from __future__ import annotations

import asyncio
from unittest.mock import Mock

import pytest

from midday_worker.engine.redis import retry_queue
from midday_worker.engine.redis.connection import RedisConfig
from midday_worker.engine.worker.cancel_watch import CancelWatch
from tests.scripted_redis import ScriptedRedis

TRIES = 6


async def test_the_pauses_grow_while_the_server_hangs_up_on_who_subscribes(monkeypatch: pytest.MonkeyPatch) -> None:
    failures: list[int] = []
    enough = asyncio.Event()

    def note(count: int) -> float:
        failures.append(count)
        if len(failures) == TRIES:
            enough.set()
        return 0.0

    def answer(words: list[bytes]) -> bytes:
        if words[0] == b"SUBSCRIBE":
            server.hang_up()
        return b"+OK\r\n"

    monkeypatch.setattr(retry_queue, "pause_s", note)
    async with ScriptedRedis(answer) as server:
        watch, running = CancelWatch(RedisConfig(server.url), Mock(generation=0)), Mock()
        running.stoppable.return_value = []
        watch.join("default", "bull:default:", running)
        await enough.wait()
        await watch.leave(running)
    assert failures[:TRIES] == list(range(1, TRIES + 1))
