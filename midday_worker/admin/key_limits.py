"""Limits per key: set for one key while all runs, and who waits for what."""

from __future__ import annotations

from typing import Final

from midday_worker.engine.acts.key_limits import (
    KeyBacklog,
    KeyLimit,
    count_parked,
    read_key_backlogs,
    read_key_limits,
    store_key_limit,
)
from midday_worker.engine.producer.queue import Queue
from midday_worker.engine.redis.error_translation import Writing
from midday_worker.errors import InvalidInputError
from midday_worker.queues import RateLimit
from midday_worker.queues.per_key import check_concurrency, key_text

__all__ = ["KeyBacklog", "KeyLimit", "key_backlogs", "key_limits", "parked_jobs", "reset_limit", "set_limit"]

LOOKED_AT: Final = 1_000
"""How many keys are looked at, of those whose jobs wait."""


async def set_limit(
    queue: Queue, path: str, key: object, *, concurrency: int | None = None, rate: RateLimit | None = None
) -> None:
    """Set the limit of one key, for all workers and from now on; a higher one lets its jobs start at once.

    Args:
        queue: the queue, as `client.queue("exports")` returns it.
        path: where the key is in the payload, as its `PerKey` says.
        key: the key's value in the payload.
        concurrency: how many of its jobs run at once.
        rate: how fast they start; either this or `concurrency`, whichever the queue limits.

    Raises:
        OptionError: the limit is none.
        InvalidInputError: the key is none, or the queue has no such limit; workers tell Redis theirs as they start.
    """
    if (concurrency is None) == (rate is None):
        raise InvalidInputError("A key's limit needs either concurrency or rate, and not both.")
    check_concurrency(concurrency)
    limit = {"concurrency": concurrency or 0} if rate is None else {"max": rate.max, "per": rate.per_ms}
    await _store(queue, path, key, limit)


async def reset_limit(queue: Queue, path: str, key: object) -> None:
    """Take back what `set_limit` has set for a key. Raises InvalidInputError for what is no key."""
    await _store(queue, path, key, None)


async def _store(queue: Queue, path: str, key: object, limit: dict[str, int] | None) -> None:
    text = key_text(key)
    if text is None:
        raise InvalidInputError(f"A key is {key!r}; accepted: a text that isn't empty, a number or a boolean.")
    again = "Look at the limits before calling again."
    async with queue.bounded(f"set a limit of queue {queue.name}", Writing(ids=[], again=again)):
        known = await store_key_limit(queue, path, text, limit)
        limits = [] if known else await read_key_limits(queue)
    if not known:
        what = "rate" if limit is not None and "max" in limit else "concurrency"
        raise InvalidInputError(
            f"Queue {queue.name} has no limit of the {what} for {path!r}. Its limits: {_listed(limits)}; "
            "its workers write them into Redis as they start."
        )


async def key_limits(queue: Queue) -> list[KeyLimit]:
    """Return the limits per key of a queue: each path's, and those that were set for single keys."""
    async with queue.bounded(f"read the limits of queue {queue.name}"):
        return await read_key_limits(queue)


async def key_backlogs(queue: Queue) -> list[KeyBacklog]:
    """Return the keys whose jobs wait for a place, those with the most first."""
    async with queue.bounded(f"read the limits of queue {queue.name}"):
        return await read_key_backlogs(queue, LOOKED_AT)


async def parked_jobs(queue: Queue) -> int:
    """Return how many jobs wait for a place."""
    async with queue.bounded(f"read queue {queue.name}"):
        return await count_parked(queue)


def _listed(limits: list[KeyLimit]) -> str:
    names = [
        f"{limit.path} ({'concurrency' if limit.concurrency else 'rate'})" for limit in limits if limit.key is None
    ]
    return ", ".join(names) or "none"
