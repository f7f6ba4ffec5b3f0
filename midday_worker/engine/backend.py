"""bullmq's Redis backend for one queue, on connections that are shared and named as Node names them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import TypeAlias, cast

import bullmq
from bullmq.backends.redis_backend import RedisBackend

from midday_worker.engine.connection import Connection

Command: TypeAlias = tuple[tuple[str | bytes, ...], Mapping[str, object]]
"""A command in redis-py's pipelines: its words, and how its reply is parsed."""


class Backend(RedisBackend):
    """One queue's door to Redis. It closes only its blocking connection; the other one is shared."""

    def __init__(self, queue: str, connection: Connection, prefix: str, blocking: Connection | None = None) -> None:
        super().__init__(queue, connection, blocking, prefix, owns_connection=False)

    async def addJobs(self, jobs: Sequence[bullmq.Job]) -> list[str | int]:
        """Add jobs in one transaction and one round trip; return what Lua answered, in order.

        The scripts are loaded within the transaction, as redis-py would ask for them first, and lose them if Redis
        were restarted in between. Unlike the port's, it leaves the jobs as they are.
        """
        async with self.conn.pipeline(transaction=True) as pipe:
            for job in jobs:
                await self.scripts.addJob(job, pipe)
            loads: list[Command] = [(("SCRIPT LOAD", cast("str", script.script)), {}) for script in pipe.scripts]
            pipe.command_stack[:0] = loads
            pipe.scripts.clear()
            answers = await pipe.execute()
        return cast("list[str | int]", answers[len(loads) :])

    async def getJobScheduler(self, job_scheduler_id: str) -> tuple[dict[str, str] | None, int | None]:
        """Return a scheduler's hash and its next run; (None, None) for a missing one, where the port raises."""
        if await self.conn.zscore(self.keys["repeat"], job_scheduler_id) is None:
            return None, None
        return await super().getJobScheduler(job_scheduler_id)

    def clientName(self, suffix: str | None = None) -> str:
        """Return the name of the queue's workers in Redis's client list, as Node encodes it.

        A queue's plain name may hold a space, which Redis refuses in client names.
        """
        return client_name(self.prefix, self.name) + (suffix or "")


def client_name(prefix: str, queue: str) -> str:
    """Return what Node's `QueueBase.clientName` returns: prefix and base64 of the queue's name."""
    return f"{prefix}:{b64encode(queue.encode()).decode()}"
