"""`Source`: one state of one queue, read piece by piece from where it was left."""

from __future__ import annotations

from collections import deque
from typing import Final, Literal, TypeAlias, cast

from midday_worker.admin.listing import LISTS
from midday_worker.admin.runs.cursor import Spot
from midday_worker.admin.runs.run import FIELDS, Run, run_of
from midday_worker.admin.runs.scan_position import ScanPosition
from midday_worker.engine.producer.queue import Queue

Order: TypeAlias = Literal["newest", "oldest"]

LONGEST: Final = 32_768
"""How large a payload or a failure may be that is looked through, in bytes."""

FIRST_PIECE: Final = 50
LARGEST_PIECE: Final = 500
_HEAVIEST_PIECE: Final = 2_097_152

_PIECE: Final = """
local key, prefix, order = KEYS[1], ARGV[1], ARGV[2]
local id, score, start = ARGV[3], ARGV[4], tonumber(ARGV[5])
local size, longest, heaviest = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
if id ~= "" then
  if order == "list" then
    local index = redis.call("LPOS", key, id)
    if index then start = index + 1 end
  else
    local rank = redis.call(order == "newest" and "ZREVRANK" or "ZRANK", key, id)
    if rank and redis.call("ZSCORE", key, id) == score then
      start = rank + 1
    elseif order == "newest" then
      start = redis.call("ZCOUNT", key, "(" .. score, "+inf")
    else
      start = redis.call("ZCOUNT", key, "-inf", "(" .. score)
    end
  end
end
local found, step = nil, 2
if order == "list" then
  found, step = redis.call("LRANGE", key, start, start + size - 1), 1
else
  found = redis.call(order == "newest" and "ZREVRANGE" or "ZRANGE", key, start, start + size - 1, "WITHSCORES")
end
local jobs, weight = {}, 0
for place = 1, #found, step do
  local stored = prefix .. found[place]
  local size_of_data = redis.pcall("HSTRLEN", stored, "data")
  local fields = "no hash"
  if type(size_of_data) == "number" then
    fields = redis.call("HMGET", stored, FIELDS)
    local data = false
    if size_of_data <= longest then data = redis.call("HGET", stored, "data") end
    weight = weight + (data and size_of_data or 0) + 200
    fields[#fields + 1] = size_of_data
    fields[#fields + 1] = data
  end
  jobs[#jobs + 1] = {found[place], step == 2 and found[place + 1] or "", fields}
  if weight > heaviest then break end
end
return {start, #found / step > #jobs and 1 or 0, jobs}
""".replace("FIELDS", ", ".join(f'"{name}"' for name in FIELDS))
"""A piece in one command: one for each job would take twenty times as long. What is no hash hides no other."""


class Source:
    """The jobs of one state of a queue, in order, from a place on.

    Args:
        queue: the queue.
        state: the state, as BullMQ names it.
        place: where to go on.
        order: of those in a sorted set; a list is always read from its newest.
    """

    def __init__(self, queue: Queue, state: str, place: ScanPosition, order: Order) -> None:
        self.spot: Spot = (queue.name, state)
        self.ended = False
        self.kept = place
        self.read: deque[tuple[ScanPosition, Run]] = deque()
        self._queue = queue
        self._state = state
        self._order = "list" if state in LISTS else order
        self._last = place
        self._size = FIRST_PIECE

    async def fill(self) -> None:
        """Read the next piece; a first one is small, as it may be all that is needed."""
        queue, last = self._queue, self._last
        key = queue.keys["wait" if self._state == "waiting" else self._state]
        given = (queue.keys[""], self._order, last.id, last.score, last.index, self._size, LONGEST, _HEAVIEST_PIECE)
        async with queue.bounded(f"read the {self._state} jobs of queue {queue.name}"):
            answer = await queue.ask("EVAL", _PIECE, 1, key, *given)
        start, cut, jobs = cast("tuple[int, int, list[tuple[str, str, object]]]", answer)
        for number, (job_id, score, stored) in enumerate(jobs):
            run = run_of(queue.name, self._state, job_id, float(score or 0), stored, LONGEST)
            self.read.append((ScanPosition(job_id, score, start + number), run))
        if jobs:
            self._last = self.read[-1][0]
        self.ended = not cut and len(jobs) < self._size
        self._size = LARGEST_PIECE
