"""A queue's event stream in Redis: positions in it, and what a read of it brings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias, cast

from redis.asyncio import Redis

Position: TypeAlias = tuple[int, int]
"""An entry's place in a stream: milliseconds, and a number within them."""

Event: TypeAlias = dict[str, str]
"""What BullMQ's scripts say: `event`, `jobId`, and what belongs to the event."""

Entry: TypeAlias = tuple[str, Event]

START: Final[Position] = (0, 0)
BATCH: Final = 1_000


def position_of(entry_id: str) -> Position:
    """Return the position that an entry's id names."""
    milliseconds, _, number = entry_id.partition("-")
    return int(milliseconds), int(number)


async def read_after(client: Redis, key: str, position: Position, block_ms: int) -> list[Entry]:
    """Return up to 1,000 entries after a position; wait up to so many ms for the first one."""
    reply = cast("object", await client.xread({key: f"{position[0]}-{position[1]}"}, count=BATCH, block=block_ms))
    if not reply:
        return []
    if isinstance(reply, dict):  # RESP3 answers with a map of streams
        batches = next(iter(cast("dict[str, list[object]]", reply).values()))
        nested = bool(batches) and isinstance(batches[0], list)
        return cast("list[Entry]", batches[0] if nested else batches)
    return cast("list[tuple[str, list[Entry]]]", reply)[0][1]


async def is_trimmed_after(client: Redis, key: str, position: Position) -> bool:
    """Return whether entries after the position may have been trimmed."""
    first = cast("Sequence[Entry]", await client.xrange(key, count=1))
    return not first or position_of(first[0][0]) > position


async def last_events(client: Redis, key: str, job_ids: set[str]) -> dict[str, Event]:
    """Return the newest end or removal of each of these jobs, as far as the stream still tells of it."""
    found: dict[str, Event] = {}
    before = "+"
    while len(found) < len(job_ids):
        entries = cast("Sequence[Entry]", await client.xrevrange(key, max=before, count=BATCH))
        for _, event in entries:
            job_id = event.get("jobId", "")
            if job_id in job_ids and event.get("event") in _LAST:
                found.setdefault(job_id, event)
        if len(entries) < BATCH:
            break
        before = f"({entries[-1][0]}"
    return found


_LAST: Final = {"completed", "failed", "removed"}
