"""Acts on a whole queue; those on many jobs go in batches, so that no single command holds Redis up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, cast

from midday_worker.engine.acts.acts import Acts
from midday_worker.engine.acts.key_limits import forget_limits, remove_parked
from midday_worker.engine.producer.queue import Queue
from midday_worker.engine.redis.error_translation import Writing
from midday_worker.errors import InvalidInputError, JobNotFoundError, JobStateError, QueueStateError

BATCH: Final = 400
"""How many jobs one command may touch."""

Removed: TypeAlias = Callable[[int], None]
"""Called after each batch with how many jobs are removed so far; what it raises ends the act there."""

Ended: TypeAlias = Literal["completed", "failed"]
Cleanable: TypeAlias = Literal["completed", "failed", "waiting", "active", "delayed", "prioritized", "paused"]

_YEAR_MS: Final = 365 * 24 * 3_600_000
_ACTIVE_JOBS: Final = -2


@dataclass(frozen=True, slots=True)
class Moved:
    """How many jobs were moved, and how many were left where they were: gone, taken meanwhile, or cancelled."""

    moved: int
    skipped: int


async def pause_queue(queue: Queue) -> None:
    """Pause the queue: no further job starts, in any worker; running ones go on."""
    async with _changing(queue, "pause"):
        await queue.pause()


async def resume_queue(queue: Queue) -> None:
    """Resume the queue: its jobs start again."""
    async with _changing(queue, "resume"):
        await queue.resume()


async def limit_concurrency(queue: Queue, most: int | None) -> None:
    """Limit how many of the queue's jobs run at once, over all workers; None for any number.

    Raises:
        InvalidInputError: it is no whole number from 1.
    """
    if most is not None:
        _check_positive("A concurrency", most)
    async with _changing(queue, "set the concurrency of"):
        await (queue.setGlobalConcurrency(most) if most is not None else queue.removeGlobalConcurrency())


async def limit_rate(queue: Queue, most: int, duration_ms: int) -> None:
    """Limit how many of the queue's jobs start in `duration_ms`, over all workers.

    A window of an earlier limit that would last longer than that ends now.

    Raises:
        InvalidInputError: one of them is no whole number from 1.
    """
    _check_positive("A rate limit's number of jobs", most)
    _check_positive("A rate limit's time in milliseconds", duration_ms)
    async with _changing(queue, "set the rate limit of"):
        await queue.setGlobalRateLimit(most, duration_ms)
        if await queue.getRateLimitTtl() > duration_ms:
            await queue.removeRateLimitKey()


async def remove_rate_limit(queue: Queue) -> None:
    """Remove the queue's rate limit: jobs start as fast as its workers' own limit allows, whose window begins anew."""
    async with _changing(queue, "remove the rate limit of"):
        await queue.removeGlobalRateLimit()
        await queue.removeRateLimitKey()


async def release_rate_limit(queue: Queue) -> None:
    """Start the limit's window anew: jobs start now, although it was reached."""
    async with _changing(queue, "release the rate limit of"):
        await queue.removeRateLimitKey()


async def retry_jobs(queue: Queue, state: Ended) -> Moved:
    """Put all jobs that have ended so back among those that wait, the oldest first; each keeps its priority.

    Cancelled ones are left alone: somebody meant them not to run.
    """
    return await _move_all(queue, state, lambda job_id: Acts(queue).retry_from(job_id, state, cancelled=False))


async def promote_jobs(queue: Queue) -> Moved:
    """Make all delayed jobs due now, the first due first; each keeps its priority."""
    return await _move_all(queue, "delayed", Acts(queue).promote)


async def clean_jobs(queue: Queue, state: Cleanable, on_progress: Removed | None = None, *, grace_ms: int = 0) -> int:
    """Remove the jobs of a state; return how many.

    Left alone are the next runs of schedules, and running jobs whose worker is there.

    Args:
        queue: the queue.
        state: as BullMQ names it.
        on_progress: called after each batch.
        grace_ms: those that are younger are left alone too.
    """
    kept = "wait" if state == "waiting" else state
    removed, limit = 0, BATCH
    while True:
        async with _changing(queue, f"remove the {state} jobs of"):
            gone = len(await queue.clean(grace_ms, limit, kept))
            removed += gone
            if gone:
                limit = BATCH
                if on_progress is not None:
                    on_progress(removed)
            # What must stay may stand before what can go.
            elif limit >= await _size(queue, state):
                return removed
            else:
                limit *= 2


async def empty_queue(queue: Queue, on_progress: Removed | None = None) -> int:
    """Remove all jobs that wait, the delayed ones not among them; return how many. Calls `on_progress` as it goes."""
    removed = 0

    def count(done: int) -> None:
        if on_progress is not None:
            on_progress(removed + done)

    removed = await _remove_parked(queue, count)
    for state in _WAITING:
        # Those that a clock of another machine dates into the future too.
        removed += await clean_jobs(queue, state, count, grace_ms=-_YEAR_MS)
    return removed


async def _remove_parked(queue: Queue, on_progress: Removed) -> int:
    """Remove the jobs that wait for a place in a limit per key: delayed is only how they wait."""
    removed = skipped = 0
    while True:
        async with _changing(queue, "remove the parked jobs of"):
            gone, left = await remove_parked(queue, skipped, BATCH)
        removed, skipped = removed + gone, skipped + left
        if not gone + left:
            return removed
        on_progress(removed)


_WAITING: Final[tuple[Cleanable, ...]] = ("waiting", "prioritized", "paused")


async def obliterate_queue(queue: Queue, *, force: bool = False) -> None:
    """Remove a queue with all that it holds; with `force` also while jobs of it are running.

    Raises:
        QueueStateError: it isn't paused, or jobs of it are running.
    """
    async with queue.bounded(f"read queue {queue.name}"):
        paused = await queue.isPaused()
    if not paused:
        raise QueueStateError(f"Queue {queue.name} must be paused before it is obliterated.", queue=queue.name)
    obliterate = queue.redisConnection.commands["obliterate"]
    keys = [queue.keys["meta"], queue.keys[""]]
    while True:
        async with _changing(queue, "obliterate"):
            left = cast("int", await obliterate(keys=keys, args=[BATCH, "force" if force else ""]))
        if left == _ACTIVE_JOBS:
            active = cast("int", await queue.ask("LLEN", queue.keys["active"]))
            raise QueueStateError(f"Jobs of queue {queue.name} are running.", queue=queue.name, active=active)
        if left <= 0:
            break
    async with _changing(queue, "obliterate"):
        await forget_limits(queue)


async def _move_all(queue: Queue, state: str, move: Callable[[str], Awaitable[None]]) -> Moved:
    """Move the jobs that are in a state now, from its oldest end on; those that can't be moved stay there."""
    moved, skipped = 0, 0
    async with queue.bounded(f"count the {state} jobs of queue {queue.name}"):
        total = await _size(queue, state)
    while moved + skipped < total:
        batch = min(BATCH, total - moved - skipped)
        async with _changing(queue, f"move the {state} jobs of"):
            ids = cast("list[str]", await queue.ask("ZRANGE", queue.keys[state], skipped, skipped + batch - 1))
            outcomes = await asyncio.gather(*(_moved(move, job_id) for job_id in ids))
        if not ids:
            break
        moved += sum(outcomes)
        skipped += len(outcomes) - sum(outcomes)
    return Moved(moved, max(0, total - moved))


async def _moved(move: Callable[[str], Awaitable[None]], job_id: str) -> bool:
    try:
        await move(job_id)
    except (JobNotFoundError, JobStateError):  # it is gone, or has moved meanwhile
        return False
    return True


def _check_positive(what: str, number: int) -> None:
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:  # pyright: ignore[reportUnnecessaryIsInstance] - Redis would store anything
        raise InvalidInputError(f"{what} is {number!r}; accepted: a whole number from 1.")


async def _size(queue: Queue, state: str) -> int:
    return (await queue.getJobCounts(state)).get(state, 0)


def _changing(queue: Queue, act: str) -> AbstractAsyncContextManager[object]:
    return queue.bounded(f"{act} queue {queue.name}", Writing(ids=[], again="Look at the queue before calling again."))
