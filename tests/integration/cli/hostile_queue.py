"""What somebody who may write to Redis, or only add jobs, might have put there for whoever looks at it."""

from __future__ import annotations

import json
import socket
import time
from typing import Final, TypeAlias

from midday_worker import JobClient

CONTROLS: Final = "".join(map(chr, (*range(9), *range(11, 32), *range(127, 160))))
TURNING: Final = "\u061c\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069\ufeff"
HOSTILE: Final = (
    "\x1b]0;owned\x07\x1b[8m\x1b[38;5;213m\x1b]8;;http://evil\x1b\\\x9b31m"
    f"[/x][link=http://evil]there[/link][bold]:smile:{{0}}<red>{CONTROLS}{TURNING}"
)
FORGED: Final = "\nCompleted, forged"
QUEUE: Final = f"q{HOSTILE.replace(':', '')}{FORGED}"
ID: Final = f"7{HOSTILE.replace(':', '')}{FORGED}"
PLAIN: Final = "plain"
"""A queue whose name can be typed, with jobs that can't."""

STATES: Final = ("wait", "active", "delayed", "prioritized", "waiting-children", "completed", "failed")
_Text: TypeAlias = "bytes | bytearray | memoryview[int] | str | int | float"
Fields: TypeAlias = "dict[_Text, _Text]"
"""As redis-py has them."""


async def fill(client: JobClient) -> None:
    """Write queues that hold a job of such an id in each state, and everything else that a command shows."""
    redis, prefix = client.connection.conn, client.settings.redis_prefix
    now = round(time.time() * 1000)
    for name in (QUEUE, PLAIN):
        at = f"{prefix}:{name}"
        await redis.hset(f"{at}:meta", mapping={"opts.maxLenEvents": "10000"})  # pyright: ignore[reportUnknownMemberType] - untyped in redis-py
        for state in STATES:
            job_id = f"{ID}{state}"
            await redis.hset(f"{at}:{job_id}", mapping=_job(f"{at}:{ID}wait", now))  # pyright: ignore[reportUnknownMemberType]
            await redis.rpush(f"{at}:{job_id}:logs", HOSTILE + FORGED)
            if state in ("wait", "active"):
                await redis.rpush(f"{at}:{state}", job_id)
            else:
                await redis.zadd(f"{at}:{state}", {job_id: now - 120_000 if state in ("completed", "failed") else 1})  # pyright: ignore[reportUnknownMemberType]
        await redis.hset(f"{at}:limits", HOSTILE + FORGED, '{"concurrency": 2}')  # pyright: ignore[reportUnknownMemberType]
        bucket = f"c:{HOSTILE}={HOSTILE}{FORGED}"
        await redis.zadd(f"{at}:limits:buckets", {bucket: 1})  # pyright: ignore[reportUnknownMemberType]
        await redis.zadd(f"{at}:limits:w:{bucket}", {f"{ID}delayed": 1})  # pyright: ignore[reportUnknownMemberType]
        await redis.sadd(f"{at}:{ID}waiting-children:dependencies", f"{prefix}:{QUEUE}:{ID}wait")
        await redis.zadd(f"{at}:repeat", {ID: now})  # pyright: ignore[reportUnknownMemberType]
        schedule: Fields = {"name": HOSTILE, "pattern": HOSTILE, "tz": HOSTILE, "ic": "3"}
        await redis.hset(f"{at}:repeat:{ID}", mapping=schedule)  # pyright: ignore[reportUnknownMemberType]
    await _beat(client, now / 1000)


def _job(parent: str, now: int) -> Fields:
    stored = json.dumps(HOSTILE + FORGED, ensure_ascii=False)
    return {
        **{"name": HOSTILE + FORGED, "data": stored, "opts": "{}", "timestamp": str(now), "processedOn": str(now)},
        **{"finishedOn": str(now), "failedReason": HOSTILE + FORGED, "returnvalue": stored, "progress": stored},
        **{"stacktrace": json.dumps([HOSTILE + FORGED]), "pb": HOSTILE, "rjk": HOSTILE, "parentKey": parent},
    }


async def _beat(client: JobClient, now: float) -> None:
    host = socket.gethostname()
    for number, at in enumerate((host, HOSTILE)):
        beat = {"host": at, "pid": number, "queues": [QUEUE], "started_at": now, "beat_at": now}
        key = f"{client.settings.redis_prefix}:midday-worker:{host}:{number}"
        await client.connection.conn.set(key, json.dumps(beat | {"not_ready": [HOSTILE + FORGED]}))
