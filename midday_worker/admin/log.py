"""The lines that a job logged."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final, cast

from midday_worker.engine.producer.queue import Queue

MOST: Final = 2_000
"""How many lines are read, the newest ones."""


@dataclass(frozen=True, slots=True)
class JobLog:
    """The newest lines of a job's log, the oldest of them first, and how many there are in all."""

    lines: tuple[str, ...]
    total: int


async def read_log(queue: Queue, job_id: str, most: int = MOST) -> JobLog:
    """Return what a job logged; a job that isn't there has no lines."""
    key = queue.toKey(f"{job_id}:logs")
    async with queue.bounded(f"read the log of job {job_id} of queue {queue.name}"):
        lines, total = await asyncio.gather(queue.ask("LRANGE", key, -most, -1), queue.ask("LLEN", key))
    return JobLog(tuple(cast("list[str]", lines)), cast("int", total))
