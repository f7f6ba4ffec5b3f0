"""A queue that holds very many jobs: copies of one that a client has added, made within Redis."""

from __future__ import annotations

import time
from typing import Final, cast

from redis.asyncio import Redis

from midday_worker.engine.producer.queue import Queue

_CHUNK: Final = 10_000
_COPY: Final = """
local fields = redis.call('HGETALL', KEYS[1])
for n = tonumber(ARGV[1]), tonumber(ARGV[2]) do
  local id = string.format('%d', n)
  redis.call('HSET', ARGV[3] .. id, unpack(fields))
  if ARGV[4] == 'wait' then redis.call('LPUSH', KEYS[2], id) else redis.call('ZADD', KEYS[2], ARGV[5] + n, id) end
end
"""


async def fill(redis: Redis, queue: Queue, counts: dict[str, int]) -> None:
    """Turn the one job that waits into so many, by state: "wait", "completed", "failed"."""
    template = queue.toKey(cast("str", await redis.lpop(queue.toKey("wait"))))
    copy = redis.register_script(_COPY)
    first = 1
    for state, count in counts.items():
        for start in range(first, first + count, _CHUNK):
            last = min(start + _CHUNK, first + count) - 1
            now = round(time.time() * 1000)
            await copy(keys=[template, queue.toKey(state)], args=[start, last, queue.toKey(""), state, now])
        first += count
    await redis.delete(template)
