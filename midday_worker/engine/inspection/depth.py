"""How many jobs a queue holds, and since when the next one has waited: the same work for ten jobs or ten million."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from midday_worker.engine.redis.connection import read_together
from midday_worker.engine.redis.error_translation import translated

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.client import Pipeline

    from midday_worker.engine.redis.connection import Connection

Texts: TypeAlias = list[str | None]

_LISTS: Final = {"waiting": "wait", "paused": "paused", "active": "active"}
_SETS: Final = {
    "delayed": "delayed",
    "prioritized": "prioritized",
    "waiting-children": "waiting-children",
    "completed": "completed",
    "failed": "failed",
}
_FIELDS: Final = ("timestamp", "processedOn", "opts")


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDepth:
    """One queue at one moment.

    Attributes:
        queue: its name.
        jobs: how many, by state as BullMQ names it.
        paused: whether it is paused.
        oldest_waiting_s: since when the job that is next has waited, in seconds; 0 if none waits.
    """

    queue: str
    jobs: Mapping[str, int]
    paused: bool
    oldest_waiting_s: float


async def measure_depths(
    connection: Connection, prefix: str, queues: Sequence[str], answer_s: float
) -> list[QueueDepth]:
    """Measure queues in two round trips, whatever their number and size.

    Raises:
        RedisUnavailableError: Redis did not answer within `answer_s`.
    """
    states = (*_LISTS, *_SETS)
    with translated("measure the queues"):
        async with asyncio.timeout(answer_s):
            answers = await read_together(connection.conn, partial(_ask_counts, prefix=prefix, queues=queues))
            width = len(answers) // len(queues)
            rows = [answers[start : start + width] for start in range(0, len(answers), width)]
            ages = await _ages(connection.conn, prefix, queues, rows)
    return [
        QueueDepth(
            queue=queue,
            jobs={state: _count(value) for state, value in zip(states, row, strict=False)},
            paused=row[len(states)] == 1,
            oldest_waiting_s=age,
        )
        for queue, row, age in zip(queues, rows, ages, strict=True)
    ]


def _ask_counts(pipe: Pipeline, prefix: str, queues: Sequence[str]) -> None:
    for key in (f"{prefix}:{queue}" for queue in queues):
        for name in _LISTS.values():
            pipe.llen(f"{key}:{name}")
        for name in _SETS.values():
            pipe.zcard(f"{key}:{name}")
        pipe.hexists(f"{key}:meta", "paused")
        # Jobs come in on the left and leave on the right; of those with a priority the first is the next.
        pipe.lindex(f"{key}:wait", -1)
        pipe.zrange(f"{key}:prioritized", 0, 0)  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped


async def _ages(client: Redis, prefix: str, queues: Sequence[str], rows: Sequence[Sequence[object]]) -> list[float]:
    """Return for each queue how long the longer waiting of its two next jobs has waited."""
    owners: list[int] = []
    keys: list[str] = []
    for number, (queue, row) in enumerate(zip(queues, rows, strict=True)):
        first, prioritized = row[-2:]
        ids = [first] if isinstance(first, str) else []
        ids += cast("list[str]", prioritized) if isinstance(prioritized, list) else []
        for job_id in ids:
            keys.append(f"{prefix}:{queue}:{job_id}")
            owners.append(number)
    ages = [0.0] * len(queues)
    now = time.time()
    found = await read_together(client, lambda pipe: [pipe.hmget(key, _FIELDS) for key in keys])
    for number, fields in zip(owners, found, strict=True):
        if isinstance(fields, list):  # else its key is no hash
            ages[number] = max(ages[number], now - _waiting_since(cast("Texts", fields), now))
    return ages


def _waiting_since(fields: Texts, now: float) -> float:
    """Return since when a job has waited, in epoch seconds: since it could run, or since its last attempt began."""
    timestamp, processed_on, opts = fields
    try:
        delay = json.loads(opts or "{}").get("delay") or 0
        return max(int(timestamp or now * 1000) + int(delay), int(processed_on or 0)) / 1000
    except (ValueError, TypeError, AttributeError, RecursionError):  # a stored job may hold anything
        return now


def _count(answer: object) -> int:
    return answer if isinstance(answer, int) else 0  # else another type of key has its name
