"""Lua for what operators do to limits per key, and what other programs need: the limits come from Redis itself."""

from __future__ import annotations

from typing import Final

from midday_worker.engine.wire.places import LIBRARY, PARKED_AT, PARKED_SCORE, as_function

_STORED: Final = """
now, P, knowsDeadlines = tonumber(table.remove(ARGV)), table.remove(ARGV), false
local stored = call("HGETALL", P .. "limits")
for i = 1, #stored, 2 do
  if not string.find(stored[i], "=", 1, true) then
    local limit = cjson.decode(stored[i + 1])
    if limit.concurrency then limits[#limits + 1] = {path = stored[i], concurrency = limit.concurrency} end
    if limit.max then limits[#limits + 1] = {path = stored[i], max = limit.max, per = limit.per} end
  end
end
"""

PUBLISH: Final = """
local key = table.remove(KEYS, 1)
for _, field in ipairs(redis.call("HKEYS", key)) do
  if not string.find(field, "=", 1, true) then redis.call("HDEL", key, field) end
end
redis.call("HSET", key, unpack(ARGV))
return 1
"""
"""Writes the limits that a worker knows, for programs that don't; what was set for single keys stays."""

SET_LIMIT: Final = f"""{LIBRARY}{_STORED}
local path, value, new = ARGV[1], ARGV[2], ARGV[3]
local default = call("HGET", P .. "limits", path)
default = default and cjson.decode(default) or {{}}
local field = path .. "=" .. value
if new == "" then
  call("HDEL", P .. "limits", field)
else
  local own = call("HGET", P .. "limits", field)
  own = own and cjson.decode(own) or {{}}
  for name, number in pairs(cjson.decode(new)) do
    if not default[name] then return 0 end
    own[name] = number
  end
  call("HSET", P .. "limits", field, cjson.encode(own))
end
for _, kind in ipairs({{"c:", "r:"}}) do bring(bucket(kind .. field)) end
return 1
"""
"""Sets the limit of one key and brings those who have a place by it; 0 if the queue has no such limit.

Its arguments are the path, the key, and a JSON object; "" takes back what was set.
"""


def removing_parked(clean: str) -> str:
    """Return the script that removes parked jobs; `clean` is BullMQ's, which removes those of a set.

    Its arguments are how many are left alone at the beginning, how many are looked at, and a time beyond all. It
    answers how many it removed, and how many it left, the next runs of schedules.
    """
    return f"""{as_function("clean", clean)}
local P = table.remove(ARGV)
local taken, delayed = P .. "limits:removing", P .. "delayed"
local ids = redis.call("ZRANGEBYSCORE", delayed, {PARKED_SCORE}, {PARKED_SCORE}, "LIMIT", ARGV[1], ARGV[2])
local lines = {{}}
for _, id in ipairs(ids) do
  lines[id] = redis.call("HGET", P .. id, "{PARKED_AT}")
  redis.call("ZREM", delayed, id)
  redis.call("ZADD", taken, {PARKED_SCORE}, id)
end
local removed = #ids > 0 and #clean({{taken, P .. "events", P .. "repeat"}}, {{P, ARGV[3], 0, "prioritized"}}) or 0
for _, id in ipairs(redis.call("ZRANGE", taken, 0, -1)) do
  redis.call("ZADD", delayed, {PARKED_SCORE}, id)
  lines[id] = nil
end
for id, name in pairs(lines) do
  if name then redis.call("ZREM", P .. "limits:w:" .. name, id) end
end
redis.call("DEL", taken)
return {{removed, #ids - removed}}
"""


NODE_TAKE: Final = f"""{LIBRARY}{_STORED}
local id, token = ARGV[1], ARGV[2]
bring_due()
if call("GET", P .. id .. ":lock") ~= token then return 1 end
local found, refusing = judge(id)
if not refusing then
  take(id, found)
  return 1
end
call("DEL", P .. id .. ":lock")
call("SREM", P .. "stalled", id)
call("LREM", P .. "active", 1, id)
call("HINCRBY", P .. id, "ats", -1)
if (tonumber(call("GET", P .. "limiter")) or 0) > 0 then call("DECR", P .. "limiter") end
park(id, found, refusing)
return 0
"""
"""Takes a place for a job that Node has fetched; 0 if there is none: the job is parked, as if it had not been fetched.

Its arguments are the job's id and its lock's token.
"""

NODE_GIVE: Final = f"""{LIBRARY}{_STORED}
local lock = call("GET", P .. ARGV[1] .. ":lock")
if not lock or lock == ARGV[2] then release(ARGV[1]) end
bring_due()
return 1
"""
"""Gives back the places of a job whose handler has ended, unless another worker runs it by now.

Its arguments are the job's id and the token of the worker's lock.
"""

NODE_TEND: Final = f"{LIBRARY}{_STORED}bring_due()\nif ARGV[1] == '1' then sweep() end\nreturn 1\n"
"""Brings who may start now; with "1" also what a crash has left."""
