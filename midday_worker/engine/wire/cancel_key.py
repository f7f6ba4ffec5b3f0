"""The key that says that a running job is cancelled, and why. Node's workers may look at it too."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from redis.asyncio import Redis

_FORGET: Final = """
local job, id = KEYS[1], ARGV[1]
if redis.call("EXISTS", job) == 1 and not (redis.call("ZSCORE", KEYS[2], id) or redis.call("ZSCORE", KEYS[3], id)) then
  return 0
end
redis.call("HDEL", job, "defa")
return redis.call("DEL", KEYS[4])
"""


def cancel_key(prefix: str, job_id: str) -> str:
    """Return a job's key; `prefix` is its queue's, with the colon at its end."""
    return f"{prefix}{job_id}:cancel"


async def forget_if_ended(client: Redis, prefix: str, job_id: str) -> None:
    """Remove what is left of the cancellation of a job, if that came too late: the job has ended, or is gone."""
    keys = (f"{prefix}{job_id}", f"{prefix}completed", f"{prefix}failed", cancel_key(prefix, job_id))
    await cast("Awaitable[object]", client.eval(_FORGET, len(keys), *keys, job_id))
