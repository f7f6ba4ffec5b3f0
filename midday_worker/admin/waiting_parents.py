"""`WaitingParents`: the parents of flows that wait for jobs which are to be removed."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from midday_worker.admin.flow_tree import split_key
from midday_worker.admin.listing import LISTS
from midday_worker.admin.queue_acts import BATCH
from midday_worker.engine.producer.queue import Queue

MOST: Final = 10_000
"""How many jobs are looked at."""

_PARENTS: Final = """
local prefix, place, found = ARGV[1], {}, {}
for number = 2, #ARGV do
  local key = prefix .. ARGV[number]
  local parent = redis.pcall("HGET", key, "parentKey")
  if type(parent) == "string" and redis.pcall("SISMEMBER", parent .. ":dependencies", key) == 1 then
    if place[parent] then
      found[place[parent]][2] = found[place[parent]][2] + 1
    else
      local id = string.match(parent, ".*:(.*)")
      local queue = string.sub(parent, 1, #parent - #id)
      if type(redis.pcall("ZSCORE", queue .. "waiting-children", id)) == "string" then
        place[parent] = #found + 1
        found[#found + 1] = {parent, 1, redis.call("SCARD", parent .. ":dependencies")}
      end
    end
  end
end
return found
"""
"""Parents by their keys, for how many of the jobs each waits, and for how many in all. BullMQ splits keys so too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingParents:
    """Parents of flows that wait for jobs which are to be removed.

    Attributes:
        released: how many would run without them, by queue: at once, or when their other children have ended.
        removed: how many would be removed with them. BullMQ does so where many jobs of a queue are removed, to parents
            in the same queue that wait for no other child.
        looked_at: how many of the jobs were looked at.
        whole: whether that is all of them.
    """

    released: Mapping[str, int]
    removed: int = 0
    looked_at: int
    whole: bool


async def find_waiting_parents(queue: Queue, states: Sequence[str], count: int) -> WaitingParents:
    """Return what removing the jobs of these states would do to parents.

    Args:
        queue: the queue.
        states: as BullMQ names them.
        count: how many are to be removed, the oldest of those that have ended; at most `MOST` are looked at.
    """
    children, pending, looked_at = Counter[str](), dict[str, int](), 0
    async with queue.bounded(f"look for parents of jobs of queue {queue.name}"):
        async for ids in _pages(queue, states, min(count, MOST)):
            looked_at += len(ids)
            for parent, number, of in await _parents(queue, ids):
                children[parent] += number
                pending[parent] = of
    released, removed = Counter[str](), 0
    for parent, number in children.items():
        name = _queue_of(parent, queue)
        if name == queue.name and number >= pending[parent]:
            removed += 1
        else:
            released[name] += 1
    return WaitingParents(released=released, removed=removed, looked_at=looked_at, whole=count <= MOST)


async def find_waiting_parent(queue: Queue, job_id: str) -> tuple[str, str] | None:
    """Return the queue and the id of the parent that waits for a job, and would run without it; None if none does."""
    async with queue.bounded(f"look for the parent of job {job_id} of queue {queue.name}"):
        found = await _parents(queue, [job_id])
    return (_queue_of(found[0][0], queue), found[0][0].rpartition(":")[2]) if found else None


async def _pages(queue: Queue, states: Sequence[str], most: int) -> AsyncGenerator[list[str], None]:
    for state in states:
        command = "LRANGE" if state in LISTS else "ZRANGE"
        key, start = queue.toKey("wait" if state == "waiting" else state), 0
        while most > 0:
            page = cast("list[str]", await queue.ask(command, key, start, start + min(BATCH, most) - 1))
            if not page:
                break
            yield page
            start, most = start + len(page), most - len(page)


async def _parents(queue: Queue, ids: Sequence[str]) -> list[tuple[str, int, int]]:
    found = await queue.ask("EVAL", _PARENTS, 1, queue.keys["meta"], queue.keys[""], *ids)
    return [(parent, number, of) for parent, number, of in cast("list[tuple[str, int, int]]", found)]


def _queue_of(key: str, queue: Queue) -> str:
    place = split_key(key, queue.prefix)
    return key if place is None else place[0].name
