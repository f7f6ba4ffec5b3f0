"""Limits per key from outside: set for one key, looked at, and the jobs that wait for a place."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from bullmq.redis_connection import loadScript

from midday_worker.engine.redis.connection import absent_key, run_script
from midday_worker.engine.wire.place_acts import SET_LIMIT, removing_parked
from midday_worker.engine.wire.places import PARKED_SCORE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from redis.typing import EncodableT

    from midday_worker.engine.producer.queue import Queue

_YEAR_MS: Final = 365 * 24 * 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLimit:
    """What a limit allows for each key, or for one.

    Attributes:
        path: where the key is in the payload.
        key: the one that it is for; None for all that have none of their own.
        concurrency: how many of its jobs run at once; None for any number.
        max: how many start in `per_ms` milliseconds; None for any number.
        per_ms: see `max`.
    """

    path: str
    key: str | None = None
    concurrency: int | None = None
    max: int | None = None
    per_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyBacklog:
    """A key whose jobs wait for a place.

    Attributes:
        path: where the key is in the payload.
        key: the key.
        kind: what limits it.
        waiting: how many of its jobs wait.
        running: how many run, within a concurrency.
    """

    path: str
    key: str
    kind: str
    waiting: int
    running: int


async def read_key_limits(queue: Queue) -> list[KeyLimit]:
    """Return a queue's limits per key, as its workers wrote them, and what was set for single keys."""
    flat = cast("Mapping[str, str] | list[str]", await queue.ask("HGETALL", queue.toKey("limits")))
    stored = flat if isinstance(flat, dict) else dict(zip(flat[::2], flat[1::2], strict=True))  # type: ignore[index]
    return [_limit(field, json.loads(text)) for field, text in sorted(stored.items())]


def _limit(field: str, stored: Mapping[str, int]) -> KeyLimit:
    path, has_key, key = field.partition("=")
    return KeyLimit(
        path=path,
        key=key if has_key else None,
        concurrency=stored.get("concurrency"),
        max=stored.get("max"),
        per_ms=stored.get("per"),
    )


async def read_key_backlogs(queue: Queue, most: int) -> list[KeyBacklog]:
    """Return the keys whose jobs wait for a place, those with the most first; at most so many are looked at."""
    names = cast("list[str]", await queue.ask("ZRANGE", queue.toKey("limits:buckets"), 0, most - 1))
    found = await asyncio.gather(*(_backlog(queue, name) for name in names))
    return sorted((each for each in found if each.waiting), key=lambda each: (-each.waiting, each.path, each.key))


async def _backlog(queue: Queue, name: str) -> KeyBacklog:
    waiting, running = await asyncio.gather(
        queue.ask("ZCARD", queue.toKey(f"limits:w:{name}")), queue.ask("ZCOUNT", queue.toKey(f"limits:p:{name}"), 1, 1)
    )
    path, _, key = name[2:].partition("=")
    kind = "rate" if name.startswith("r") else "concurrency"
    return KeyBacklog(path=path, key=key, kind=kind, waiting=cast("int", waiting), running=cast("int", running))


async def store_key_limit(queue: Queue, path: str, key: str, limit: Mapping[str, int] | None) -> bool:
    """Set a key's limit, or take back what was set; False if the queue has no such limit."""
    new = "" if limit is None else json.dumps(limit)
    return await _run(queue, SET_LIMIT, [path, key, new, queue.keys[""], round(time.time() * 1000)]) == 1


async def count_parked(queue: Queue) -> int:
    """Return how many jobs wait for a place."""
    return cast("int", await queue.ask("ZCOUNT", queue.keys["delayed"], PARKED_SCORE, PARKED_SCORE))


async def remove_parked(queue: Queue, skipped: int, most: int) -> tuple[int, int]:
    """Remove jobs that wait for a place; return how many, and how many were left: the next runs of schedules.

    Args:
        queue: theirs.
        skipped: how many, at the beginning, are left alone.
        most: how many are looked at.
    """
    args: list[EncodableT] = [skipped, most, round(time.time() * 1000) + _YEAR_MS, queue.keys[""]]
    removed, left = cast("list[int]", await _run(queue, removing_parked(loadScript("cleanJobsInSet-3.lua")), args))
    return removed, left


async def forget_limits(queue: Queue) -> None:
    """Remove what Redis keeps for a queue's limits; the queue is gone, and its jobs."""
    prefix = queue.toKey("limits")
    names = cast("list[str]", await queue.ask("ZRANGE", f"{prefix}:buckets", 0, -1))
    held = cast("list[str]", await queue.ask("HVALS", f"{prefix}:held"))
    names += [name for texts in held for name in cast("list[str]", json.loads(texts))]
    keys = [f"{prefix}:{part}:{name}" for name in names for part in "pwt"]
    own = [prefix, *(f"{prefix}:{part}" for part in ("held", "turn", "due", "buckets"))]
    await queue.ask("UNLINK", *own, *keys)


async def _run(queue: Queue, text: str, args: Sequence[EncodableT]) -> object:
    commands = queue.redisConnection.commands
    script = commands.get(text)
    if script is None:
        script = commands[text] = queue.client.register_script(text)
    return await run_script(queue.client, script, [*absent_key(queue.client, queue.prefix)], args)
