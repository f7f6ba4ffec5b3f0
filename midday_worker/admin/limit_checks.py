"""Checks of queues with limits per key: who works them without keeping the limits, and who waits in vain."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final, cast

from midday_worker.admin.finding import Finding
from midday_worker.engine.acts.key_limits import count_parked
from midday_worker.engine.inspection.worker_clients import WorkerClient
from midday_worker.engine.producer.queue import Queue

_OURS: Final = "redis-py"
_NEGLECTED_S: Final = 300
"""A worker that keeps the limits looks through them with each of its checks for stalled jobs."""


async def check_limits(queue: Queue, workers: Sequence[WorkerClient] | None) -> list[Finding]:
    """Return what is wrong with a queue's limits per key; nothing for a queue that has none.

    Args:
        queue: the queue.
        workers: its workers; None if they aren't known.
    """
    async with queue.bounded(f"read the limits of queue {queue.name}"):
        limits, parked, oldest = await asyncio.gather(
            queue.ask("HLEN", queue.toKey("limits")),
            count_parked(queue),
            queue.ask("ZRANGE", queue.toKey("limits:buckets"), 0, 0, "WITHSCORES"),
        )
    if not limits and not parked:
        return []
    found = [judge_limited_workers(queue.name, workers or ()), _neglected(queue.name, parked, oldest)]
    return [finding for finding in found if finding is not None]


def judge_limited_workers(queue: str, workers: Sequence[WorkerClient]) -> Finding | None:
    """Return the finding about workers of a limited queue that may not keep its limits."""
    foreign = sorted({one.library for one in workers if one.library and not one.library.startswith(_OURS)})
    fix = "see that each Node worker of it uses limited(), as docs/guide/limits.md shows"
    if foreign:
        text = f"it has limits per key, and a worker of {foreign[0]}, which keeps them only by limited()"
        return Finding(check="limits", grade="warn", text=text, fix=fix, queue=queue)
    if any(one.library is None for one in workers):
        text = "it has limits per key; whether Node works it too isn't known, as this Redis is older than 7.2"
        return Finding(check="limits", grade="note", text=text, fix=fix, queue=queue)
    return None


def _neglected(queue: str, parked: int, oldest: object) -> Finding | None:
    if not parked:
        return None
    # redis-py makes pairs of members and scores for RESP3, and not for RESP2.
    newest_look = cast("list[object]", oldest)[-1] if oldest else None
    if isinstance(newest_look, list):
        newest_look = cast("list[object]", newest_look)[-1]
    if newest_look is not None and float(cast("str | float", newest_look)) > (time.time() - _NEGLECTED_S) * 1000:
        return None
    waiting = "1 job waits" if parked == 1 else f"{parked:,} jobs wait"
    text = f"{waiting} for a place in a limit per key, and no worker that keeps the limits runs"
    fix = "start a worker whose queue() declares the limits, or promote the jobs if it has none any more"
    return Finding(check="limits", grade="warn", text=text, fix=fix, queue=queue)
