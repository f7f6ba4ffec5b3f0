"""A queue at a glance: what it holds, and how it is set."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from midday_worker.admin.listing import count_jobs
from midday_worker.admin.schedules import count_schedules
from midday_worker.engine.producer.queue import Queue


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRate:
    """At most `max` jobs started in `duration_ms`, over all workers of a queue."""

    max: int
    duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueOverview:
    """A queue at one moment.

    Attributes:
        name: its name.
        counts: how many jobs it holds, by state.
        paused: whether it is.
        concurrency: how many of its jobs may run at once, over all workers; None for no limit.
        rate: how fast its jobs may start, over all workers; None for no limit.
        limited_ms: for how long no job may start, because the limit was reached; 0 if it isn't.
        schedules: how many it has.
        away: why it can't be looked at, where its node of a cluster is away; the rest is empty then.
    """

    name: str
    counts: dict[str, int]
    paused: bool
    concurrency: int | None
    rate: QueueRate | None
    limited_ms: int
    schedules: int
    away: str = ""


async def read_overview(queue: Queue) -> QueueOverview:
    """Return a queue at a glance. The cost doesn't depend on how many jobs it holds."""
    async with queue.bounded(f"read queue {queue.name}"):
        counts, meta, limited, schedules = await asyncio.gather(
            count_jobs(queue),
            queue.ask("HMGET", queue.keys["meta"], "paused", "concurrency", "max", "duration"),
            queue.ask("PTTL", queue.keys["limiter"]),
            count_schedules(queue),
        )
    paused, concurrency, most, duration = cast("list[str | None]", meta)
    return QueueOverview(
        name=queue.name,
        counts=counts,
        paused=paused is not None,
        concurrency=_number(concurrency),
        rate=_rate(_number(most), _number(duration)),
        limited_ms=max(0, cast("int", limited)),
        schedules=schedules,
    )


def overview_of_absent(queue: Queue, why: str) -> QueueOverview:
    """Return the overview of a queue that can't be looked at."""
    return QueueOverview(
        name=queue.name, counts={}, paused=False, concurrency=None, rate=None, limited_ms=0, schedules=0, away=why
    )


async def read_overviews(queues: Sequence[Queue]) -> list[QueueOverview]:
    """Return queues at a glance; Redis is asked about all of them at once."""
    return await asyncio.gather(*(read_overview(queue) for queue in queues))


def _rate(most: int | None, duration_ms: int | None) -> QueueRate | None:
    return None if most is None or duration_ms is None else QueueRate(max=most, duration_ms=duration_ms)


def _number(stored: str | None) -> int | None:
    return int(stored) if stored is not None and stored.isdecimal() else None
