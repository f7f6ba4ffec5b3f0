"""A queue that holds very many jobs: copies of one that a client has added, made by a script within Redis."""

from __future__ import annotations

import time
from typing import Final, cast

from scripts.benchmark.stage import Stage

FIRST_COPY: Final = 10_000_000
"""The copies' numbers begin here; jobs that are added one by one have smaller ones."""

_CHUNK: Final = 50_000
_COPY: Final = """
local fields = redis.call('HGETALL', KEYS[1])
local data = 0
for i = 1, #fields, 2 do if fields[i] == 'data' then data = i + 1 end end
local template = fields[data]
for n = tonumber(ARGV[1]), tonumber(ARGV[2]) do
  local number = string.format('%d', n)
  fields[data] = string.gsub(template, '"n":%s*%d+', '"n":' .. number)
  redis.call('HSET', ARGV[3] .. number, unpack(fields))
  if ARGV[4] == 'wait' then redis.call('LPUSH', KEYS[2], number) else redis.call('ZADD', KEYS[2], ARGV[5], number) end
end
"""


def fill(stage: Stage, *, waiting: int, completed: int) -> None:
    """Turn the one job that waits into so many that wait, and so many that are completed."""
    job_id = cast("str | None", stage.redis.lpop(stage.key("wait")))
    if job_id is None:
        raise LookupError("there is no job to copy")
    template = stage.key(job_id)
    _copy(stage, template, "wait", FIRST_COPY, waiting)
    _copy(stage, template, "completed", FIRST_COPY + waiting, completed)
    stage.redis.delete(template)


def _copy(stage: Stage, template: str, target: str, first: int, count: int) -> None:
    keys = (template, stage.key(target))
    for start in range(first, first + count, _CHUNK):
        last = min(start + _CHUNK, first + count) - 1
        stage.redis.eval(_COPY, len(keys), *keys, start, last, stage.key(""), target, round(time.time() * 1000))
