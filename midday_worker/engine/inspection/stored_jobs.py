"""The jobs of a queue that may still run, and its schedules, as they are stored: a thousand at a time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, cast, get_args

from midday_worker.engine.producer.queue import Queue
from midday_worker.engine.redis.error_translation import ResponseError
from midday_worker.engine.wire.options import attempts_of, version_of

Place: TypeAlias = Literal["active", "wait", "paused", "prioritized", "delayed", "waiting-children", "failed", "repeat"]
"""Where a queue has them, by BullMQ's names of the keys; "repeat" holds the schedules."""

PLACES: Final[tuple[Place, ...]] = cast("tuple[Place, ...]", get_args(Place))
PAGE: Final = 1_000
START: Final = "0"

_LISTS: Final = ("active", "wait", "paused")
_FIELDS: Final = ("name", "data", "opts", "atm")


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


async def read_stored_jobs(queue: Queue, place: Place, cursor: str) -> tuple[list[StoredJob], str | None]:
    """Return about a thousand of them, and the cursor of the next ones; None after the last.

    What is there from the first page to the last is in one of them, whatever comes and goes meanwhile; it may be in
    two.
    """
    key = queue.keys[place]
    async with queue.bounded(f"read the jobs of queue {queue.name}"):
        if place in _LISTS:
            start = int(cursor)
            ids = cast("list[str]", await queue.ask("LRANGE", key, start, start + PAGE - 1))
            following = str(start + PAGE) if len(ids) == PAGE else None  # new ones come in front
        else:
            reply = cast("tuple[object, list[object]]", await queue.ask("ZSCAN", key, cursor, "COUNT", PAGE))
            ids, following = _members(reply[1]), None if str(reply[0]) == START else str(reply[0])
        prefix = f"{key}:" if place == "repeat" else queue.keys[""]
        asked = (queue.ask("HMGET", prefix + each, *_FIELDS) for each in ids)
        hashes = await asyncio.gather(*asked, return_exceptions=True)
    found = (_stored(each, fields, failed=place == "failed") for each, fields in zip(ids, hashes, strict=True))
    return [job for job in found if job is not None], following


def _members(scored: Sequence[object]) -> list[str]:
    """Return the members of a reply that has their scores, which redis-py makes pairs of."""
    return [str(cast("Sequence[object]", each)[0]) for each in scored]


def _stored(job_id: str, fields: object, *, failed: bool) -> StoredJob | None:
    if isinstance(fields, ResponseError):
        return StoredJob(job_id, "", None, 1, readable=False)
    if isinstance(fields, BaseException):
        raise fields
    name, data, opts, made = cast("list[str | None]", fields)
    if name is None:  # it has gone meanwhile
        return None
    try:
        options = cast("Mapping[str, object]", json.loads(opts or "{}"))
        left = not failed or int(made or 0) < attempts_of(options)
        return StoredJob(job_id, name, json.loads(data or "null"), version_of(options), left)
    except (ValueError, TypeError, AttributeError):
        return StoredJob(job_id, name, None, 1, readable=False)
