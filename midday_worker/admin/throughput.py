"""How many jobs a queue ended in each minute, as its workers count them in either language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from midday_worker.engine.producer.queue import Queue


@dataclass(frozen=True, slots=True)
class Throughput:
    """The jobs that completed, or failed, by the minute.

    Attributes:
        total: since counting began.
        counted_ms: when a worker last counted, in epoch milliseconds; 0 if none did.
        counted: the total at that time.
        by_minute: the newest minute first.
        minutes: how many are kept.
    """

    total: int
    counted_ms: int
    counted: int
    by_minute: tuple[int, ...]
    minutes: int


async def read_throughput(queue: Queue, ended: str, most: int = 20_160) -> Throughput:
    """Return how many jobs of a queue ended so; `ended` is "completed" or "failed", `most` is in minutes."""
    key = f"{queue.toKey('metrics')}:{ended}"
    async with queue.bounded(f"read the metrics of queue {queue.name}"):
        answer = await queue.redisConnection.commands["getMetrics"](keys=[key, f"{key}:data"], args=[0, most - 1])
    meta, data, minutes = cast("tuple[list[str | None], list[str], int]", answer)
    total, counted_ms, counted = (_number(value) for value in meta)
    return Throughput(total, counted_ms, counted, tuple(map(_number, data)), minutes)


def _number(stored: object) -> int:
    try:
        return int(float(str(stored))) if stored else 0
    except (ValueError, OverflowError):
        return 0
