"""Lua for queues with limits per key: who may run, who holds a place, who waits for one, and who comes next.

A limit and a value of its key make a bucket, named "c:<path>=<value>" for a concurrency and "r:<path>=<value>" for a
rate. Beside BullMQ's keys of a queue, these:

    limits               HASH  defaults by path, and what was set for one key by "<path>=<value>"; JSON
    limits:p:<bucket>    ZSET  places by job id: 1 for a job that runs, 0 for one that was brought and is to be fetched
    limits:w:<bucket>    ZSET  who waits for a place: priority, then the order of arrival
    limits:t:<bucket>    ZSET  starts within a rate's window
    limits:held          HASH  the buckets in which a running job holds a place; JSON
    limits:buckets       ZSET  the buckets in which somebody waits, by when they were last looked through
    limits:due           ZSET  when the next job of a rate's bucket may start

What BullMQ's own keys say is what holds, and these are checked against it: a place is valid while its job's lock
lives, and who waits is in `delayed` with a score that no other job has. docs/decisions/limits-per-key.md says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from midday_worker.engine.wire.options import OURS

WireLimit: TypeAlias = Mapping[str, str | int]
"""A limit per key as these scripts read it: `path`, and `concurrency`, or `max` and `per` in milliseconds."""

PARKED_MS: Final = 32_503_680_000_000
"""The moment, in the year 3000, until which a job is delayed that waits for a place."""

PARKED_SCORE: Final = PARKED_MS * 0x1000
"""Its score in `delayed`; a double holds it exactly."""

PARKED_AT: Final = "lim"
"""The field of a job's hash that names the bucket in which it waits."""

MOST_AT_ONCE: Final = 100
"""How many jobs one call parks or brings at most, which is a few milliseconds; the next call goes on."""

LOOKED_THROUGH: Final = 400
"""Of how many in all lines a sweep looks whether they still wait; they may have been removed or replaced."""

LARGE: Final = 10_000
"""So many characters of payloads that are read count as one job more: to read them takes as long."""

_BUCKETS: Final = f"""
local call, P, now = redis.call, nil, nil
local limits, known, PARKED = {{}}, {{}}, "{PARKED_SCORE}"
local knowsDeadlines = true -- as Node's workers don't
local looked = 0 -- how much this call has done

local function bucket(name)
  local b = known[name]
  if b then return b end
  local kind, path, value = string.match(name, "^(.):([^=]*)=(.*)$")
  b = {{name = name, rate = kind == "r", places = P .. "limits:p:" .. name, waiting = P .. "limits:w:" .. name,
    times = P .. "limits:t:" .. name, most = math.huge, per = 0}}
  for _, limit in ipairs(limits) do
    if limit.path == path and (limit.max ~= nil) == b.rate then
      b.most, b.per = limit.max or limit.concurrency, limit.per or 0
      local own = call("HGET", P .. "limits", path .. "=" .. value)
      own = own and cjson.decode(own) or {{}}
      if b.rate then b.most, b.per = own.max or b.most, own.per or b.per else b.most = own.concurrency or b.most end
    end
  end
  known[name] = b
  return b
end

local function is_valid(id, held)
  if call("EXISTS", P .. id .. ":lock") == 1 then
    -- One that runs holds it by now, or its payload was changed and it holds another key's.
    return held == "1" or call("HEXISTS", P .. "limits:held", id) == 0
  end
  if held == "1" or call("EXISTS", P .. id) == 0 then return false end
  for _, set in ipairs({{"delayed", "completed", "failed", "waiting-children"}}) do
    if call("ZSCORE", P .. set, id) then return false end
  end
  return true
end

local function prune(b)
  local places = call("ZRANGE", b.places, 0, -1, "WITHSCORES")
  for i = 1, #places, 2 do
    if not is_valid(places[i], places[i + 1]) then call("ZREM", b.places, places[i]) end
  end
end

local function started(b)
  return b.rate and call("ZCOUNT", b.times, "(" .. (now - b.per), "+inf") or 0
end

local function free(b)
  if not b.free then
    b.free = b.most - started(b) - call("ZCARD", b.places)
    if b.free <= 0 then
      prune(b)
      b.free = b.most - started(b) - call("ZCARD", b.places)
    end
  end
  return b.free
end

-- Not so if its limit was lowered.
local function fits(b) return b.most - started(b) - call("ZCARD", b.places) >= 0 or free(b) >= 0 end

local function wake() call("ZADD", P .. "marker", 0, "0") end

local longest
local function tell(event, id, ...)
  longest = longest or call("HGET", P .. "meta", "opts.maxLenEvents") or 10000
  call("XADD", P .. "events", "MAXLEN", "~", longest, "*", "event", event, "jobId", id, ...)
end

local function enqueue(id)
  local priority = tonumber(call("HGET", P .. id, "priority")) or 0
  if priority == 0 then
    call("LPUSH", P .. "wait", id)
  else
    local count = call("INCR", P .. "pc")
    call("ZADD", P .. "prioritized", priority * 0x100000000 + count % 0x100000000, id)
  end
  tell("waiting", id, "prev", "delayed")
  if call("HEXISTS", P .. "meta", "paused") == 0 then wake() end
end

-- Its next look is when a place gets free by the passing of time.
local function set_alarm(b)
  if not b.rate or call("ZCARD", b.waiting) == 0 then return end
  local first = call("ZRANGEBYSCORE", b.times, "(" .. (now - b.per), "+inf", "WITHSCORES", "LIMIT", 0, 1)
  if first[2] then
    local due = tonumber(first[2]) + b.per
    call("ZADD", P .. "limits:due", due, b.name)
    call("ZADD", P .. "marker", due, "limits")
  end
end
"""

_KEYS: Final = f"""
local function key_at(value, path)
  for name in string.gmatch(path, "[^.]+") do
    if type(value) ~= "table" then return nil end
    value = value[name]
  end
  if type(value) == "number" then return string.format("%.17g", value) end
  if type(value) == "boolean" then return tostring(value) end
  return type(value) == "string" and value ~= "" and value or nil
end

-- JavaScript cuts emojis in half, and writes halves that cjson refuses to read.
local function decoded(text)
  local isJson, data = pcall(cjson.decode, text)
  if isJson then return data end
  text = string.gsub(string.gsub(text, "\\\\\\\\", "\\\\u005c"), "\\\\u[dD][89a-fA-F]%x%x", "?")
  isJson, data = pcall(cjson.decode, text)
  return isJson and data
end

-- As compact as this program and Node write it; what is written otherwise needs its place.
local function is_overdue(opts)
  local last = knowsDeadlines and string.match(opts or "", '"{OURS}":{{[^}}]*"deadline":(%d+)[,}}]')
  return last and tonumber(last) > 0 and now > tonumber(last)
end

-- None for a job that can't be read or whose failure is decided: no handler of it will run.
local function buckets_of(id)
  local job = redis.pcall("HMGET", P .. id, "data", "defa", "opts")
  if job.err or not job[1] or job[2] or is_overdue(job[3]) then return {{}} end
  looked = looked + #job[1] / {LARGE}
  local data, found = decoded(job[1]), {{}}
  for _, limit in ipairs(limits) do
    local value = key_at(data, limit.path)
    if value then found[#found + 1] = bucket((limit.max and "r:" or "c:") .. limit.path .. "=" .. value) end
  end
  return found
end

local function has_place(b, id) return call("ZSCORE", b.places, id) end
"""

_WAITING: Final = f"""
-- A job keeps its turn: of two with one priority, who came first waits in front, whatever happens in between.
local function wait_in(b, id)
  local stored = call("HMGET", P .. id, "priority", "limseq")
  local turn = stored[2] or call("INCR", P .. "limits:turn")
  call("HSET", P .. id, "limseq", turn, "{PARKED_AT}", b.name)
  call("ZADD", b.waiting, (tonumber(stored[1]) or 0) * 0x100000000 + turn % 0x100000000, id)
  if not b.isListed then call("ZADD", P .. "limits:buckets", "NX", now, b.name) end
  b.isListed = true
  set_alarm(b)
end

local function is_parked(id, b)
  return tonumber(call("ZSCORE", P .. "delayed", id) or 0) == tonumber(PARKED)
    and redis.pcall("HGET", P .. id, "{PARKED_AT}") == b.name -- its key may be no hash any more
end

-- A place in all of its buckets or in none: two jobs that each hold what the other one waits for would never run.
local function offer(id, b)
  local found = buckets_of(id)
  for _, other in ipairs(found) do
    if other ~= b and not has_place(other, id) and free(other) <= 0 then
      wait_in(other, id)
      return false
    end
  end
  call("ZREM", P .. "delayed", id)
  call("HDEL", P .. id, "{PARKED_AT}")
  for _, each in ipairs(found) do
    if call("ZADD", each.places, "NX", 0, id) == 1 and each.free then each.free = each.free - 1 end
    call("ZADD", P .. "limits:buckets", "NX", now, each.name)
  end
  enqueue(id)
  return true
end

-- Those who were first come first, behind all that wait already: who has many takes turns with who has few.
local function bring(b)
  while free(b) > 0 do
    if call("ZCARD", b.waiting) == 0 then return end
    if looked >= {MOST_AT_ONCE} then
      call("ZADD", P .. "limits:due", now, b.name)
      return wake()
    end
    local id = call("ZPOPMIN", b.waiting)[1]
    looked = looked + 1
    if is_parked(id, b) then offer(id, b) end
  end
  set_alarm(b)
end

local function leave(b, id)
  if call("ZREM", b.places, id) == 1 then
    b.free = nil
    if call("ZCARD", b.waiting) > 0 then bring(b) end
  end
end
"""

_TAKING: Final = f"""
-- The buckets of a job, and the first of them that has no place for it.
local function judge(id)
  local found = buckets_of(id)
  for _, b in ipairs(found) do
    local waits = call("ZCARD", b.waiting) > 0
    if has_place(b, id) then waits = not fits(b) elseif not waits then waits = free(b) <= 0 end
    if waits then return found, b end
  end
  return found
end

local function park(id, found, b)
  call("ZADD", P .. "delayed", PARKED, id)
  tell("delayed", id, "delay", {PARKED_MS})
  wait_in(b, id)
  for _, other in ipairs(found) do leave(other, id) end
  if free(b) > 0 then bring(b) end
end

local function take(id, found)
  local held = {{}}
  if found[1] then call("HDEL", P .. id, "{PARKED_AT}") end
  for _, b in ipairs(found) do
    call("ZREM", b.waiting, id)
    if b.rate then
      call("ZREM", b.places, id)
      call("ZADD", b.times, now, id .. ":" .. now)
      call("ZREMRANGEBYSCORE", b.times, "-inf", now - b.per)
      call("PEXPIRE", b.times, b.per + 60000)
      b.free = nil
      if call("ZCARD", b.waiting) > 0 then bring(b) end
    else
      call("ZADD", b.places, 1, id)
      held[#held + 1] = b.name
    end
  end
  if #held > 0 then call("HSET", P .. "limits:held", id, cjson.encode(held)) end
end

-- It gives its places back, or keeps them for its next attempt, if it is to be the next that is fetched.
local function release(id, keeps)
  local held = call("HGET", P .. "limits:held", id)
  if not held then return end
  call("HDEL", P .. "limits:held", id)
  for _, name in ipairs(cjson.decode(held)) do
    local b = bucket(name)
    if keeps then
      call("ZADD", b.places, 0, id)
      call("ZADD", P .. "limits:buckets", "NX", now, name)
    else
      leave(b, id)
    end
  end
end
"""

_FETCHING: Final = f"""
-- Before BullMQ's own would, as what becomes due may be the next one. True if there may be more.
local function promote_due()
  local due = call("ZRANGEBYSCORE", P .. "delayed", 0, (now + 1) * 0x1000 - 1, "LIMIT", 0, 1000)
  for _, id in ipairs(due) do
    call("ZREM", P .. "delayed", id)
    call("HSET", P .. id, "delay", 0)
    enqueue(id)
  end
  return #due == 1000
end

local function bring_due()
  for _, name in ipairs(call("ZRANGEBYSCORE", P .. "limits:due", "-inf", now, "LIMIT", 0, 100)) do
    call("ZREM", P .. "limits:due", name)
    bring(bucket(name))
  end
end

local function first_waiting()
  local id = call("LINDEX", P .. "wait", -1)
  if id then return id, true end
  return call("ZRANGE", P .. "prioritized", 0, 0)[1], false
end

-- Parks the jobs in front that have no place. False if it isn't known yet who is the next.
local function clear_way()
  bring_due()
  if promote_due() then return false end
  looked = 0 -- whatever was brought, one at least is looked at
  while looked < {MOST_AT_ONCE} do
    local id, isFirst = first_waiting()
    if not id then return true end
    local found, refusing = judge(id)
    if not refusing then return true, id, found end
    if isFirst then call("RPOP", P .. "wait") else call("ZREM", P .. "prioritized", id) end
    park(id, found, refusing)
    looked = looked + 1
  end
  return false
end

local function next_due(due)
  due = tonumber(due) or 0
  if due >= {PARKED_MS} then due = 0 end
  local alarm = tonumber(call("ZRANGE", P .. "limits:due", 0, 0, "WITHSCORES")[2])
  return alarm and (due == 0 or alarm < due) and alarm or due
end

local function fetch(act, options)
  if call("HEXISTS", P .. "meta", "paused") == 0 then
    local isClear, id, found = clear_way()
    if not isClear then
      wake()
      return {{0, 0, 0, 0}}
    end
    local keys = {{}}
    for i, name in ipairs({{"wait", "active", "prioritized", "events", "stalled", "limiter", "delayed", "paused",
        "meta", "pc", "marker"}}) do keys[i] = P .. name end
    local answer = act(keys, {{P, now, options}})
    if id and answer[2] == id then take(id, found) end
    if answer[2] == 0 then answer[4] = next_due(answer[4]) end
    return answer
  end
  return {{0, 0, 0, 0}}
end
"""

_SWEEPING: Final = f"""
-- What a crash, or another program's act, has left: places without a job, and who waits although there is one.
local function sweep()
  for _, id in ipairs(call("HKEYS", P .. "limits:held")) do
    if call("EXISTS", P .. id .. ":lock") == 0 then release(id) end
  end
  local names = call("ZRANGE", P .. "limits:buckets", 0, 499)
  for _, name in ipairs(names) do
    local b = bucket(name)
    prune(b)
    b.free = nil
    local most, size = math.ceil({LOOKED_THROUGH} / #names), call("ZCARD", b.waiting)
    local from = size > most and now % size or 0 -- another part each time
    for _, id in ipairs(call("ZRANGE", b.waiting, from, from + most - 1)) do
      if not is_parked(id, b) then call("ZREM", b.waiting, id) end
    end
    bring(b)
    if call("ZCARD", b.waiting) == 0 and call("ZCOUNT", b.places, 0, 0) == 0 then
      call("ZREM", P .. "limits:buckets", name)
    else
      call("ZADD", P .. "limits:buckets", now, name)
    end
  end
end
"""

LIBRARY: Final = _BUCKETS + _KEYS + _WAITING + _TAKING + _FETCHING + _SWEEPING

# What is ours comes last, and is taken off, so that BullMQ's part finds its own arguments and no others.
OPEN: Final = """
limits, now = cmsgpack.unpack(table.remove(ARGV)), tonumber(table.remove(ARGV))
P = table.remove(ARGV)
"""
"""Reads the prefix, the time in epoch milliseconds, and the limits as msgpack off the end of the arguments."""


def as_function(name: str, script: str) -> str:
    """Return one of BullMQ's scripts as a function of its keys and arguments."""
    return f"local function {name}(KEYS, ARGV)\n{script}\nend\n"


def fetching(script: str) -> str:
    """Return the script that fetches a job; `script` is BullMQ's."""
    return f"{LIBRARY}{as_function('theirs', script)}{OPEN}return fetch(theirs, ARGV[3])\n"


def settling(script: str, fetch: str) -> str:
    """Return a script that settles a job, gives its places back, and brings the next one if that is asked for.

    It takes more arguments: the job's id, "keep" for one whose places stay its own, and the options of the fetch as
    msgpack, or "".
    """
    return (
        f"{LIBRARY}{as_function('theirs', script)}{as_function('fetching', fetch)}{OPEN}"
        "local options, how, id = table.remove(ARGV), table.remove(ARGV), table.remove(ARGV)\n"
        "local answer = theirs(KEYS, ARGV)\n"
        'if type(answer) == "number" and answer < 0 then return answer end\n'
        'release(id, how == "keep")\n'
        'if options == "" then return answer end\n'
        "return fetch(fetching, options)\n"
    )


SWEEP: Final = f"{LIBRARY}{OPEN}sweep()\nreturn 1\n"
"""The script that puts right what a crash has left."""
