"""A reader of events that falls behind so far that Redis has trimmed some."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from midday_worker import JobClient, JobContext, JobRegistry, Settings, job
from midday_worker.engine.following.event_log import is_trimmed_after
from tests.deadline import eventually
from tests.integration.following.listeners import listeners


async def test_an_end_whose_event_was_trimmed_unread_is_looked_for(
    client: JobClient, registry: JobRegistry, settings: Settings, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came since the last read is more than the stream keeps: the job's end is none of what is left."""
    for module in ("events", "event_log"):
        monkeypatch.setattr(f"midday_worker.engine.following.{module}.BATCH", 2)

    async def never(data: int, ctx: JobContext) -> int:
        raise AssertionError("nobody works")

    handle = await job("missed", int, never, registry=registry).trigger(1, client=client)
    waiting = asyncio.create_task(handle.result("30s"))
    await eventually(lambda: listeners(redis, settings), "somebody listens")
    keys = client.queue("default").keys
    async with redis.pipeline(transaction=True) as pipe:
        # As a worker completes it, and other jobs go on.
        pipe.lrem(keys["wait"], 1, handle.id)
        pipe.zadd(keys["completed"], {handle.id: 1})
        pipe.hset(f"{keys['']}{handle.id}", mapping={"returnvalue": "7", "finishedOn": "1"})
        pipe.xadd(keys["events"], {"event": "completed", "jobId": handle.id, "returnvalue": "7"})
        for _ in range(3):
            pipe.xadd(keys["events"], {"event": "drained"})
        pipe.xtrim(keys["events"], maxlen=2, approximate=False)
        await pipe.execute()
    async with asyncio.timeout(4):  # less than the 5 s after which the state is looked at without an event
        assert await waiting == 7


async def test_entries_may_have_been_trimmed_when_the_first_one_left_is_newer(redis: Redis, redis_prefix: str) -> None:
    key = f"{redis_prefix}:stream"
    assert await is_trimmed_after(redis, key, (1, 0))
    for number in range(1, 4):
        await redis.xadd(key, {"event": "drained"}, id=f"{number}-0")
    assert not await is_trimmed_after(redis, key, (1, 0))
    assert not await is_trimmed_after(redis, key, (2, 5))
    await redis.xtrim(key, maxlen=1, approximate=False)
    assert await is_trimmed_after(redis, key, (2, 0))
    assert not await is_trimmed_after(redis, key, (3, 0))
