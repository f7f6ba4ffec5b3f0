"""Jobs whose hash is gone (evicted, or removed by hand) while a queue still holds their ids: nothing of them may stay.

What BullMQ's scripts write of such a job makes a hash again, without name and data. Kept among the failed ones, it
would stand for its id, its deduplication and its schedule's next run: later triggers would add nothing.
"""

from __future__ import annotations

from typing import Final

GONE: Final = "The job's data is gone from Redis (removed, evicted or trimmed while it was queued)"

RESTORE: Final = """
do
  local call, key = redis.call, KEYS[12]
  if call("HEXISTS", key, "name") == 1 then return -1 end
  if call("GET", key .. ":lock") ~= cmsgpack.unpack(ARGV[8])["token"] then return -2 end
  if not call("LPOS", KEYS[2], ARGV[1]) then return -3 end
  call("HSETNX", key, "ats", 1)
end
"""
"""Lua before BullMQ's own `moveToFinished`, in one script with it: that ends no job without a hash. It then stores what
the job's fields are to be, and so finds the parent and the deduplication there; and it removes the hash."""
