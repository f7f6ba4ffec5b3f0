"""BullMQ's scripts that add a job, with a check of what is there already: they answer alike for a duplicate."""

from __future__ import annotations

from typing import Final

CHECKED: Final = "Checked"
"""What the names of these scripts end with, after that of BullMQ's own."""

# The field `adder` of a job's hash is ours: it tells which call has added the job, where the caller chose the id.
_CHECK: Final = """
local call, args = redis.call, cmsgpack.unpack(ARGV[1])
local prefix, id, duplicatesKey = args[1], args[2], args[9]
local option, token = ARGV[5], ARGV[6]
local key = prefix .. id
if option == "debounce" then
  -- A job that is no longer delayed can't take the newest payload, which would be lost.
  local current = call("GET", duplicatesKey)
  if current and not call("ZSCORE", prefix .. "delayed", current) then call("DEL", duplicatesKey) end
end
local was = call("EXISTS", key)
local answer = add()
if type(answer) ~= "string" then return answer end
local isNew = answer == id
if isNew and token ~= "" then
  if was == 0 and call("EXISTS", key) == 1 then call("HSET", key, "adder", token) end
  -- Sent again after a lost reply, it finds the job that it has made itself.
  isNew = call("HGET", key, "adder") == token
end
if option == "idempotency_key" then
  -- By this field BullMQ frees the key of a job that is removed.
  if isNew then call("HDEL", key, "deid") end
  local data = not isNew and call("HGET", prefix .. answer, "data")
  if data and data ~= ARGV[2] then return {answer, data, ARGV[2]} end
end
return isNew and answer or {answer}
"""


def checked_add(script: str) -> str:
    """Return a script that adds a job, with two more arguments: what names duplicates, and a token of the call.

    It answers the id of a job that it made; a list with that of one that was there; of an idempotency key whose job has
    another payload a list of the id and both payloads.
    """
    return f"local function add()\n{script}\nend{_CHECK}"
