"""The jobs of a queue that may still run, and its schedules, as they are stored: a thousand at a time."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, cast, get_args

from midday_worker.engine.producer.queue import Queue
from midday_worker.engine.wire.options import attempts_of, version_of

Place: TypeAlias = Literal["repeat", "waiting-children", "delayed", "prioritized", "wait", "paused", "active", "failed"]
"""Where a queue has them, by BullMQ's names of the keys; "repeat" holds the schedules.

In the order in which jobs go from one to the next: read so, one that goes on meanwhile is met again, and not missed.
"""

PLACES: Final[tuple[Place, ...]] = cast("tuple[Place, ...]", get_args(Place))
PAGE: Final = 1_000
START: Final = "0"

_LISTS: Final = ("active", "wait", "paused")

_MOST_BYTES: Final = 1 << 20
"""So much is read at once, or one job: payloads may be large, and Redis answers nobody else meanwhile."""

_READ: Final = """
local found, bytes = {}, 0
for place, key in ipairs(KEYS) do
  local fields = redis.pcall("HMGET", key, "name", "data", "opts", "atm")
  found[place] = fields.err and {} or fields
  bytes = bytes + #(fields[2] or "")
  if bytes >= tonumber(ARGV[1]) then break end
end
return found
"""


@dataclass(frozen=True, slots=True)
class StoredJob:
    """What is stored of a job, or of a schedule for each of its runs.

    Attributes:
        id: the job's, or the schedule's.
        name: the job's name.
        data: the payload's JSON values.
        version: the payload's.
        may_run: False for a failed job that has no attempt left.
        readable: whether what is stored is a job; it fails when it is fetched, if it isn't.
    """

    id: str
    name: str
    data: object
    version: int
    may_run: bool = True
    readable: bool = True


async def count_stored_jobs(queue: Queue, place: Place) -> int:
    """Return how many there are."""
    async with queue.bounded(f"count the jobs of queue {queue.name}"):
        return cast("int", await queue.ask("LLEN" if place in _LISTS else "ZCARD", queue.keys[place]))


async def read_stored_ids(queue: Queue, place: Place, cursor: str) -> tuple[list[str], str | None]:
    """Return the ids of about a thousand of them, and the cursor of the next ones; None after the last.

    What is there from the first page to the last is in one of them, whatever comes and goes meanwhile; it may be in
    two.
    """
    key = queue.keys[place]
    async with queue.bounded(f"read the jobs of queue {queue.name}"):
        if place in _LISTS:
            start = int(cursor)
            ids = cast("list[str]", await queue.ask("LRANGE", key, start, start + PAGE - 1))
            return ids, str(start + PAGE) if len(ids) == PAGE else None  # new ones come in front
        reply = cast("tuple[object, list[object]]", await queue.ask("ZSCAN", key, cursor, "COUNT", PAGE))
        return _members(reply[1]), None if str(reply[0]) == START else str(reply[0])


async def read_stored_jobs(queue: Queue, place: Place, ids: Sequence[str]) -> AsyncGenerator[StoredJob]:
    """Yield what is stored under these ids, as much at once as memory bears; nothing of what has gone meanwhile."""
    prefix = f"{queue.keys[place]}:" if place == "repeat" else queue.keys[""]
    at = 0
    while at < len(ids):
        keys = [prefix + each for each in ids[at:]]
        async with queue.bounded(f"read the jobs of queue {queue.name}"):
            hashes = cast("list[list[str | None]]", await queue.ask("EVAL", _READ, len(keys), *keys, _MOST_BYTES))
        for each, fields in zip(ids[at:], hashes, strict=False):  # the script may have stopped before the last
            job = _stored(each, fields, failed=place == "failed")
            if job is not None:
                yield job
        at += len(hashes)


def _members(scored: Sequence[object]) -> list[str]:
    """Return the members of a reply that has their scores, which redis-py makes pairs of."""
    return [str(cast("Sequence[object]", each)[0]) for each in scored]


def _stored(job_id: str, fields: Sequence[str | None], *, failed: bool) -> StoredJob | None:
    if not fields:  # the key is no hash
        return StoredJob(job_id, "", None, 1, readable=False)
    name, data, opts, made = fields
    if name is None:  # it has gone meanwhile
        return None
    try:
        options = cast("Mapping[str, object]", json.loads(opts or "{}"))
        left = not failed or int(made or 0) < attempts_of(options)
        return StoredJob(job_id, name, json.loads(data or "null"), version_of(options), left)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return StoredJob(job_id, name, None, 1, readable=False)
