"""Schedules with a limit, written again: one that has had its runs stays over, one under way goes on counting.

BullMQ counts the runs of a schedule from the start each time that it is written, in Node and in Python alike: a program
that writes its schedules as it starts would have each run `limit` times more with each deploy.
"""

from __future__ import annotations

from typing import Final, TypeVar

T = TypeVar("T")

_USED_UP: Final = "used up"


class UsedUp(Exception):
    """The schedule has had all its runs by this very rule; nothing was written."""


def checked(answer: T) -> T:
    """Return what the script answered. Raises UsedUp."""
    if answer == _USED_UP:
        raise UsedUp
    return answer


GUARD: Final = """
do
  local call = redis.call
  local wanted = cmsgpack.unpack(ARGV[2])
  if wanted['limit'] then
    local schedulerKey = KEYS[1] .. ":" .. ARGV[3]
    local names = {'limit', 'every', 'startDate', 'endDate', 'pattern', 'tz'}
    local stored = call("HMGET", schedulerKey, unpack(names))
    local isSame = true
    for i, name in ipairs(names) do
      local is = stored[i] or nil
      if type(wanted[name]) == 'number' then is = tonumber(is) end
      if is ~= wanted[name] then isSame = false end
    end
    local count = tonumber(call("HGET", schedulerKey, "ic") or nil)
    local millis = call("ZSCORE", KEYS[1], ARGV[3])
    if isSame and count and millis then
      -- As BullMQ's script below looks for the run that it replaces.
      local runId = "repeat:" .. ARGV[3] .. ":" .. millis
      local list = call("HEXISTS", KEYS[5], "paused") == 1 and KEYS[4] or KEYS[3]
      local isPending = call("EXISTS", ARGV[8] .. runId) == 1 and (call("ZSCORE", KEYS[2], runId)
        or call("ZSCORE", KEYS[6], runId) or call("LPOS", list, runId))
      if not isPending then
        if count >= wanted['limit'] then return "used up" end
        count = call("HINCRBY", schedulerKey, "ic", 1)
      end
      local run = cmsgpack.unpack(ARGV[6])
      run['repeat']['count'] = count
      ARGV[6] = cmsgpack.pack(run)
    else
      call("HDEL", schedulerKey, "ic")
    end
  end
end
"""
"""Lua before BullMQ's own `addJobScheduler`, in one script with it, so that nothing comes in between."""
