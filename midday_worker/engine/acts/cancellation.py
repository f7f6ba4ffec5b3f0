"""Cancelling a job from anywhere: one script decides, by the state that it finds, what becomes of it.

A job that doesn't run is failed in that script, by BullMQ's own that fails an active job: parents, retention, events
and deduplication are seen to as ever. For one that runs, three things are written, so that it ends however it can:

- a message, which every worker process of this library listens for;
- the key `<prefix>:<queue>:<id>:cancel`, which holds the reason, for whoever missed the message, and for Node;
- BullMQ's `defa`, the failure that was decided for a job, in the job itself: when it is fetched again, as its worker
  has died or its attempt has failed meanwhile, every BullMQ worker fails it without running it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast

import bullmq
from bullmq.flow_producer import MinimalQueue

from midday_worker.engine.acts.act import UNSTARTED, Act, refusal
from midday_worker.engine.redis.connection import absent_key
from midday_worker.engine.redis.error_translation import Writing
from midday_worker.engine.wire.failure import LONGEST_REASON, storable
from midday_worker.engine.wire.guarded import Guarded
from midday_worker.engine.wire.options import METRICS_POINTS, encode
from midday_worker.errors import CANCELLED
from midday_worker.options import ResolvedOptions

if TYPE_CHECKING:
    from collections.abc import Collection

    from bullmq.types import QueueBaseOptions

    from midday_worker.engine.producer.queue import Queue

CancelOutcome: TypeAlias = Literal["cancelled", "requested"]
"""What a cancel did: "cancelled", the job has ended and never starts; "requested", it runs and was told to stop."""

KEPT_MS: Final = 24 * 3_600_000
"""How long the key of a running job's cancellation is kept, if nobody takes it away."""

# The port reads its worker's options there.
_COUNTED: Final = cast("QueueBaseOptions", {"metrics": {"maxDataPoints": METRICS_POINTS}})
_KEEP: Final = encode(ResolvedOptions())["removeOnFail"]
_BEFORE: Final = """
local key = prefix .. id
local kept_ms = table.remove(ARGV)
local message = table.remove(ARGV)
local channel = table.remove(ARGV)
if found == "failed" then
  local reason = redis.call("HGET", key, "failedReason") or ""
  if string.sub(reason, 1, 10) == "cancelled:" then return {found, "cancelled"} end
  return {found}
end
if found == "active" then
  redis.call("HSETNX", key, "defa", ARGV[4])
  redis.call("SET", key .. ":cancel", ARGV[4], "PX", kept_ms, "NX")
  redis.pcall("PUBLISH", channel, message)
  return {found, "requested"}
end
local schedule = redis.call("HGET", key, "rjk")
local next_run = schedule and redis.call("ZSCORE", prefix .. "repeat", schedule)
if next_run and id == "repeat:" .. schedule .. ":" .. next_run then return {found, "scheduled"} end
local children = redis.call("SMEMBERS", key .. ":dependencies")
if found == "waiting" then
  redis.call("LREM", prefix .. "wait", 1, id)
  redis.call("LREM", prefix .. "paused", 1, id)
else
  redis.call("ZREM", prefix .. found, id)
end
redis.call("LPUSH", prefix .. "active", id)
"""
# BullMQ counts an attempt for whatever it fails; this one was none.
_AFTER: Final = """
if redis.call("EXISTS", key) == 1 then redis.call("HINCRBY", key, "atm", -1) end
answer = {"cancelled", children}
"""

CANCEL: Final = Act("cancelled", (*UNSTARTED, "active"), Guarded("moveToFinished-14.lua", before=_BEFORE, after=_AFTER))


@dataclass(frozen=True, slots=True)
class CancelMessage:
    """What is published for a running job."""

    queue: str
    id: str
    reason: str

    def encode(self) -> str:
        """Return it as JSON."""
        return json.dumps({"queue": self.queue, "id": self.id, "reason": self.reason})

    @classmethod
    def parse(cls, text: object) -> CancelMessage | None:
        """Return the message, or None for one that is none."""
        try:
            members = cast("Mapping[str, object]", json.loads(str(text)))
            return cls(str(members["queue"]), str(members["id"]), str(members["reason"]))
        except (ValueError, KeyError, TypeError):
            return None


def channel(prefix: str) -> str:
    """Return the channel of the messages."""
    return f"{prefix}:midday-worker:cancel"


class Cancelling:
    """Cancels jobs of one queue, and their children in whatever queue.

    Args:
        queue: the queue.
        reason: why, in words.
    """

    def __init__(self, queue: Queue, reason: str) -> None:
        self._queue = queue
        self._reason = storable(f"{CANCELLED}{reason or 'no reason was given'}", LONGEST_REASON)

    async def cancel(self, job_id: str, *, children: bool) -> CancelOutcome:
        """Cancel one job; with `children`, those below it that haven't started, too.

        Raises JobNotFoundError, JobStateError.
        """
        queue = self._queue
        writing = Writing(ids=[job_id], again="Calling again is safe.")
        async with queue.bounded(f"cancel job {job_id} of queue {queue.name}", writing):
            found, answer = await self._run(queue.keys[""], job_id, (*CANCEL.allowed, "failed"))
            if answer is None:
                raise refusal(CANCEL, queue.name, job_id, found)
            if answer == "scheduled":
                why = "It is the next run of a schedule: remove the schedule, or let it run."
                raise refusal(CANCEL, queue.name, job_id, found, why)
            if children and isinstance(answer, list):
                await self._cancel_children(cast("list[object]", answer))
        return "requested" if answer == "requested" else "cancelled"

    async def _cancel_children(self, answer: list[object]) -> None:
        for key in sorted(cast("list[str]", answer[1])):
            prefix, _, child = key.rpartition(":")
            _, below = await self._run(f"{prefix}:", child, UNSTARTED)
            if isinstance(below, list):
                await self._cancel_children(cast("list[object]", below))

    async def _run(self, prefix: str, job_id: str, allowed: Collection[str]) -> tuple[str, object]:
        keep = await self._retention(prefix + job_id)
        queue = MinimalQueue(self._queue.name, self._queue.backend, _COUNTED)
        job = bullmq.Job(queue, "", None, {"attempts": 2**31}, job_id)  # they are not exhausted
        of_queue, _, name = prefix.removesuffix(":").rpartition(":")
        own: list[str | int] = [
            channel(of_queue),
            CancelMessage(name, job_id, self._reason).encode(),
            KEPT_MS,
        ]
        return await CANCEL.script.run(
            self._queue.backend.connection,
            lambda scripts: scripts.moveToFailed(job, self._reason, keep, "0", fetchNext=False),  # there is no lock
            (prefix, job_id),
            allowed,
            own,
            absent_key(self._queue.client, self._queue.prefix),
        )

    async def _retention(self, key: str) -> object:
        """Return a job's retention; options never change, so it may be read before."""
        text = await self._queue.client.hget(key, "opts")
        try:
            options: object = json.loads(text) if text else None
        except ValueError:
            options = None
        keep = cast("Mapping[str, object]", options).get("removeOnFail") if isinstance(options, Mapping) else None
        return _KEEP if keep is None else keep
