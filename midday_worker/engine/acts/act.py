"""The acts on one job: the states that allow each, and the script that does it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from midday_worker.engine.wire.guarded import MISSING, Guarded
from midday_worker.engine.wire.places import PARKED_AT
from midday_worker.errors import CANCELLED, JobNotFoundError, JobStateError

UNSTARTED: Final = ("waiting", "prioritized", "delayed", "waiting-children")
"""The states of a job that waits to be run, for the first time or again."""

FAILED_CHILDREN: Final = "failed children"
"""What a retry answers for a parent that BullMQ would let run, and then not complete."""

WAS_CANCELLED: Final = "It was cancelled."
"""Why a cancelled job isn't retried among others."""

_BEFORE_RETRY: Final = f"""
local key, which = prefix .. id, table.remove(ARGV)
if which == "uncancelled" and found == "failed" then
  local reason = redis.call("HGET", key, "failedReason") or ""
  if string.sub(reason, 1, {len(CANCELLED)}) == "{CANCELLED}" then return {{found, "{WAS_CANCELLED}"}} end
end
local function is_gone(child) return redis.pcall("HEXISTS", child, "name") == 0 end
local failed = redis.call("ZRANGE", key .. ":unsuccessful", 0, -1)
for _, child in ipairs(failed) do
  if not is_gone(child) then return {{found, "{FAILED_CHILDREN}"}} end
end
redis.call("DEL", key .. ":unsuccessful")
for _, child in ipairs(redis.call("SMEMBERS", key .. ":dependencies")) do
  if is_gone(child) then redis.call("SREM", key .. ":dependencies", child) end
end
redis.call("HDEL", key, "defa")
redis.call("DEL", key .. ":cancel")
"""
"""A job that is run again is not cancelled any more, and waits for no child that is gone: nobody can retry that."""

_AFTER_RETRY: Final = """
if answer == 1 and redis.call("SCARD", key .. ":dependencies") > 0 and redis.call("HLEN", key .. ":failed") == 0 then
  redis.call("LREM", prefix .. "wait", 1, id)
  redis.call("LREM", prefix .. "paused", 1, id)
  redis.call("ZREM", prefix .. "prioritized", id)
  redis.call("ZADD", prefix .. "waiting-children", redis.call("TIME")[1] * 1000, id)
  local longest = redis.call("HGET", prefix .. "meta", "opts.maxLenEvents") or 10000
  redis.call("XADD", prefix .. "events", "MAXLEN", "~", longest, "*",
    "event", "waiting-children", "jobId", id, "prev", "waiting")
end
"""
"""A parent whose children haven't ended waits for them; BullMQ would run it without them, and then not complete it."""

SCHEDULED: Final = "next run of "
"""What a look at a job that is to be removed answers, before the schedule's id, for a schedule's next run."""

LOCKED: Final = "locked"
CHILD_RUNS: Final = "child runs"

_BEFORE_REMOVE: Final = f"""
local key, how = prefix .. id, table.remove(ARGV)
local function runs_below(parent)
  for _, child in ipairs(redis.call("SMEMBERS", parent .. ":dependencies")) do
    if redis.call("EXISTS", child .. ":lock") == 1 or runs_below(child) then return true end
  end
  return false
end
local schedule = redis.call("HGET", key, "rjk")
local next_run = schedule and redis.call("ZSCORE", prefix .. "repeat", schedule)
if next_run and id == "repeat:" .. schedule .. ":" .. next_run then return {{found, "{SCHEDULED}" .. schedule}} end
if redis.call("EXISTS", key .. ":lock") == 1 then return {{found, "{LOCKED}"}} end
if ARGV[2] == "1" and runs_below(key) then return {{found, "{CHILD_RUNS}"}} end
if how == "look" then return {{found, 1}} end
"""
"""What BullMQ looks at before it removes, told apart: it has one answer for a lock of the job's and of a child's."""

_BEFORE_UPDATE: Final = """
local opts = table.remove(ARGV)
if opts ~= "" then redis.call("HSET", prefix .. id, "opts", opts) end
"""
"""The version of a payload is one of the job's options: it changes with the payload, or upcasters would be misled."""


@dataclass(frozen=True, slots=True)
class Act:
    """An act on one job.

    Attributes:
        done: what it does, as in "can't be promoted".
        allowed: the states that allow it.
        script: how.
    """

    done: str
    allowed: tuple[str, ...]
    script: Guarded


RETRY: Final = Act(
    "retried", ("failed", "completed"), Guarded("reprocessJob-9.lua", before=_BEFORE_RETRY, after=_AFTER_RETRY)
)
_FORGET_PLACE: Final = f'redis.call("HDEL", prefix .. id, "{PARKED_AT}")'
"""A job that waited for a place in its key's limit, and is moved by hand, has to ask for one anew."""

PROMOTE: Final = Act("promoted", ("delayed",), Guarded("promote-9.lua", before=_FORGET_PLACE))
REMOVE: Final = Act(
    "removed",
    (*UNSTARTED, "completed", "failed", "unknown"),
    Guarded("removeJob-2.lua", before=_BEFORE_REMOVE),
)
RESCHEDULE: Final = Act("rescheduled", ("delayed",), Guarded("changeDelay-4.lua", before=_FORGET_PLACE))
_AFTER_PRIORITY: Final = f"""
local stored = redis.call("HMGET", prefix .. id, "priority", "limseq", "{PARKED_AT}")
if found == "delayed" and stored[3] then
  redis.call("ZADD", prefix .. "limits:w:" .. stored[3], "XX", (tonumber(stored[1]) or 0) * 0x100000000
    + stored[2] % 0x100000000, id)
end
"""
"""A job that waits for a place has its turn by its priority."""

CHANGE_PRIORITY: Final = Act(
    "given another priority", UNSTARTED, Guarded("changePriority-7.lua", after=_AFTER_PRIORITY)
)
UPDATE_DATA: Final = Act(
    "given another payload", (*UNSTARTED, "failed"), Guarded("updateData-1.lua", before=_BEFORE_UPDATE)
)


def refusal(act: Act, queue: str, job_id: str, found: str, why: str = "") -> JobNotFoundError | JobStateError:
    """Return the error for a job whose state doesn't allow an act."""
    if found == MISSING:
        return JobNotFoundError(job_id=job_id, queue=queue)
    return JobStateError(act=act.done, job_id=job_id, queue=queue, state=found, allowed=act.allowed, why=why)
