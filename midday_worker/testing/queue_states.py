"""What the queues of a test's worker have to do, and what the world's time changes in Redis."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from midday_worker.engine.redis.error_translation import translated
from midday_worker.engine.wire.places import PARKED_MS
from midday_worker.errors import RedisUnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from midday_worker.engine.redis.connection import Connection
    from midday_worker.engine.worker.config import WorkerConfig

_READ: Final = f"""
local found = {{}}
for place = 2, #ARGV, 2 do
  local base, limit = ARGV[1] .. ":" .. ARGV[place] .. ":", tonumber(ARGV[place + 1])
  local meta = redis.call("HMGET", base .. "meta", "paused", "max")
  local waiting = redis.call("LLEN", base .. "wait") + redis.call("ZCARD", base .. "prioritized")
  limit = limit or tonumber(meta[2] or "")
  local limited = 0
  if limit and limit <= tonumber(redis.call("GET", base .. "limiter") or 0) then
    limited = math.max(redis.call("PTTL", base .. "limiter"), 0)
  end
  local first = redis.call("ZRANGE", base .. "delayed", 0, 0, "WITHSCORES")
  local due = first[2] and math.floor(tonumber(first[2]) / 4096) or {PARKED_MS}
  local alarm = redis.call("ZRANGE", base .. "limits:due", 0, 0, "WITHSCORES")
  due = math.min(due, tonumber(alarm[2]) or due)
  if due == {PARKED_MS} then due = -1 end
  if meta[1] then waiting, due = 0, -1 end
  for _, value in ipairs({{waiting, redis.call("LLEN", base .. "active"), due, limited}}) do
    table.insert(found, value)
  end
end
return found
"""

# Locks are a living worker's, which renews it in real time; what is below "midday-worker:" says whether it lives.
_SHORTEN: Final = """
for _, key in ipairs(redis.call("KEYS", ARGV[1] .. ":*")) do
  local left = redis.call("PTTL", key)
  local is_ours = string.sub(key, #ARGV[1] + 2, #ARGV[1] + 15) == "midday-worker:"
  if left > 0 and string.sub(key, -5) ~= ":lock" and not is_ours then
    redis.call("PEXPIRE", key, left - tonumber(ARGV[2]))
  end
end
for place = 3, #ARGV do redis.call("ZADD", ARGV[1] .. ":" .. ARGV[place] .. ":marker", 0, "0") end
"""

_FORGET: Final = """
for _, key in ipairs(redis.call("KEYS", ARGV[1] .. ":*")) do redis.call("DEL", key) end
"""


@dataclass(frozen=True, slots=True)
class QueueState:
    """What one queue has to do.

    Attributes:
        queue: its name.
        waiting: how many jobs could be started now; none of a paused queue.
        active: how many run.
        due_ms: when its first delayed job is due, or one that waits for a place by the rate of its key, in epoch
            milliseconds; None if there is none, and of a paused queue.
        limited_ms: how long its rate limit lets none start.
    """

    queue: str
    waiting: int
    active: int
    due_ms: int | None
    limited_ms: int

    def is_busy(self, now_ms: float) -> bool:
        """Return whether a job runs, is due, or waits and may start."""
        is_due = self.due_ms is not None and self.due_ms <= now_ms
        return bool(self.active or is_due or (self.waiting and not self.limited_ms))

    def next_ms(self, now_ms: float) -> float | None:
        """Return when there will be something to do next; None if never."""
        moments = [] if self.due_ms is None else [float(self.due_ms)]
        if self.waiting and self.limited_ms:
            moments.append(now_ms + self.limited_ms)
        return min(moments, default=None)

    def __str__(self) -> str:
        return f"queue {self.queue}: {self.waiting} wait, {self.active} run"


class QueueStates:
    """The queues of one prefix.

    Args:
        connection: where they are.
        prefix: the start of their keys.
        queues: which.
    """

    def __init__(self, connection: Connection, prefix: str, queues: Sequence[WorkerConfig]) -> None:
        self._connection = connection
        self._prefix = prefix
        self._queues = queues

    async def read(self) -> list[QueueState]:
        """Return what they have to do, all at one moment."""
        limits = [config.rate_limit[0] if config.rate_limit else "" for config in self._queues]
        names = [config.queue for config in self._queues]
        pairs = [part for pair in zip(names, limits, strict=True) for part in pair]
        answer = cast("list[int]", await self._run(_READ, *pairs))
        rows = [answer[start : start + 4] for start in range(0, len(answer), 4)]
        return [
            QueueState(name, row[0], row[1], None if row[2] < 0 else row[2], row[3])
            for name, row in zip(names, rows, strict=True)
        ]

    async def let_pass(self, milliseconds: int) -> None:
        """Shorten by so much what expires by the server's clock, and wake who waits for jobs."""
        await self._run(_SHORTEN, milliseconds, *(config.queue for config in self._queues))

    async def forget(self) -> None:
        """Remove all keys of the prefix. Where Redis is gone there are none, and the test has an error of its own."""
        with suppress(RedisUnavailableError):
            await self._run(_FORGET)

    async def _run(self, script: str, *args: str | int) -> object:
        with translated("look at the queues of a test's worker"):
            return await cast("Awaitable[object]", self._connection.conn.eval(script, 0, self._prefix, *args))
