"""BullMQ's scripts behind a look at the job's state, as one script: no moment lies between the look and the act."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from bullmq.redis_connection import loadScript

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bullmq.redis_connection import RedisConnection

MISSING: Final = "missing"
"""The state that is found when Redis doesn't hold the job."""

_STATE: Final = """
local function stateOf(prefix, id)
  if redis.call("EXISTS", prefix .. id) == 0 then return "missing" end
  for _, set in ipairs({"completed", "failed", "delayed", "prioritized", "waiting-children"}) do
    if redis.call("ZSCORE", prefix .. set, id) then return set end
  end
  if redis.call("LPOS", prefix .. "active", id) then return "active" end
  if redis.call("LPOS", prefix .. "wait", id) or redis.call("LPOS", prefix .. "paused", id) then
    return "waiting"
  end
  -- The key may be none of a job, but of the queue itself or of a schedule: each job has a timestamp.
  if redis.call("TYPE", prefix .. id).ok ~= "hash" then return "missing" end
  return redis.call("HEXISTS", prefix .. id, "timestamp") == 1 and "unknown" or "missing"
end
"""
# The three values are the last, so that BullMQ's part finds its own where it looks for them.
_GUARD: Final = """
local prefix, id, allowed = ARGV[#ARGV - 2], ARGV[#ARGV - 1], ARGV[#ARGV]
local found = stateOf(prefix, id)
if not string.find(allowed, "," .. found .. ",", 1, true) then return {found} end
"""


@dataclass(frozen=True, slots=True)
class Guarded:
    """One of BullMQ's scripts with what is ours around it.

    Attributes:
        file: BullMQ's script.
        before: Lua that runs first, with `prefix`, `id` and the `found` state; it may return.
        after: Lua that runs last, with BullMQ's `answer` too.
    """

    file: str
    before: str = ""
    after: str = ""

    async def run(
        self,
        connection: RedisConnection,
        keys: Sequence[str],
        args: Sequence[object],
        target: tuple[str, str],
        allowed: Collection[str],
    ) -> tuple[str, object]:
        """Act on a job if its state is one of `allowed`.

        Args:
            connection: where to.
            keys: what BullMQ's script takes.
            args: the same.
            target: the queue's prefix, with the colon at its end, and the job's id.
            allowed: states as BullMQ names them.

        Returns:
            The state found, and BullMQ's answer; the answer is None if the state doesn't allow the act.
        """
        script = connection.commands.get(self._name)
        if script is None:
            script = connection.commands[self._name] = connection.conn.register_script(self.lua())
        last = (*target, f",{','.join(allowed)},")
        reply = await script(keys=keys, args=[*args, *last])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType] - texts, ints and bytes
        found, *answer = cast("list[object]", reply)
        return str(found), answer[0] if answer else None

    def lua(self) -> str:
        """Return the whole script."""
        theirs = f"local function act()\n{loadScript(self.file)}\nend\n"
        return f"{_STATE}{theirs}{_GUARD}{self.before}\nlocal answer = act()\n{self.after}\nreturn {{found, answer}}\n"

    @property
    def _name(self) -> str:
        return f"midday:{self.file}:{hash(self)}"
