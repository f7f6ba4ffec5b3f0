"""BullMQ's scripts behind a look at the job's state, as one script: no moment lies between the look and the act."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from bullmq.redis_connection import loadScript
from bullmq.scripts import Scripts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence

    from bullmq.redis_connection import RedisConnection, Script
    from redis.typing import EncodableT

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
# What is ours comes last and is taken off, so that BullMQ's part finds its own arguments and no others.
_GUARD: Final = """
local allowed = table.remove(ARGV)
local id = table.remove(ARGV)
local prefix = table.remove(ARGV)
local found = stateOf(prefix, id)
if not string.find(allowed, "," .. found .. ",", 1, true) then return {found} end
"""


@dataclass(frozen=True, slots=True)
class Guarded:
    """One of BullMQ's scripts with what is ours around it.

    Attributes:
        file: BullMQ's script.
        before: Lua that runs first, with `prefix`, `id` and the `found` state; it may return. It takes arguments of its
            own off the end of ARGV.
        after: Lua that runs last, with BullMQ's `answer` too.
    """

    file: str
    before: str = ""
    after: str = ""

    async def run(
        self,
        connection: RedisConnection,
        call: Callable[[Scripts], Awaitable[object]],
        target: tuple[str, str],
        allowed: Collection[str],
        own: Sequence[str | int] = (),
        more: Sequence[str] = (),
    ) -> tuple[str, object]:
        """Act on a job if its state is one of `allowed`.

        Args:
            connection: where to.
            call: calls BullMQ's script as the port does. What the port would have sent goes to the whole script.
            target: the queue's prefix, with the colon at its end, and the job's id.
            allowed: states as BullMQ names them.
            own: the arguments of `before`.
            more: further keys for the script to be called with; see `absent_key`.

        Returns:
            The state found, and BullMQ's answer; the answer is None if the state doesn't allow the act.
        """
        script = connection.commands.get(self._name)
        if script is None:
            script = connection.commands[self._name] = connection.conn.register_script(self.lua())
        last = (*own, *target, f",{','.join(allowed)},")
        reply: list[object] = []

        async def send(keys: Sequence[str], args: Sequence[EncodableT], client: object = None) -> None:
            reply.extend(cast("list[object]", await script(keys=[*keys, *more], args=[*args, *last])))

        prefix, _, queue = target[0].removesuffix(":").rpartition(":")
        scripts = Scripts(prefix, queue, connection)
        scripts.commands = cast("dict[str, Script]", defaultdict(lambda: send))
        await call(scripts)
        found, *answer = reply
        return str(found), answer[0] if answer else None

    def lua(self) -> str:
        """Return the whole script."""
        theirs = f"local function act()\n{loadScript(self.file)}\nend\n"
        return f"{_STATE}{theirs}{_GUARD}{self.before}\nlocal answer = act()\n{self.after}\nreturn {{found, answer}}\n"

    @property
    def _name(self) -> str:
        return f"midday:{self.file}:{hash(self)}"
