"""bullmq's Redis backend for one queue, on connections that are shared and named as Node names them."""

from __future__ import annotations

from base64 import b64encode

from bullmq.backends.redis_backend import RedisBackend

from midday_worker.engine.connection import Connection


class Backend(RedisBackend):
    """One queue's door to Redis. It closes only its blocking connection; the other one is shared."""

    def __init__(self, queue: str, connection: Connection, prefix: str, blocking: Connection | None = None) -> None:
        super().__init__(queue, connection, blocking, prefix, owns_connection=False)

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
