"""bullmq's Redis backend for one queue, on connections that are shared and named as Node names them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import cast

from bullmq.backends.redis_backend import RedisBackend
from redis.asyncio import Redis

from midday_worker.engine.producer.add_commands import Addition, Words
from midday_worker.engine.redis.connection import Connection, cancellation_kept
from midday_worker.engine.redis.limited import checked
from midday_worker.engine.transport import Command, PipelinedRedis, is_of_replica


class Backend(RedisBackend):
    """Sends one queue's commands to Redis. It closes only its blocking connection; the other one is shared."""

    def __init__(self, queue: str, connection: Connection, prefix: str, blocking: Connection | None = None) -> None:
        super().__init__(queue, connection, blocking, prefix, owns_connection=False)

    def post(self, addition: Addition) -> Command | None:
        """Send a job's addition; None if there is no connection yet, or it isn't packed."""
        command, client = addition.command, self.conn
        return client.post(command) if type(command) is bytes and isinstance(client, PipelinedRedis) else None

    def add_one(self, addition: Addition) -> Awaitable[object]:
        """Add a job; return what Lua answered."""
        client, command = self.conn, addition.command
        if isinstance(client, PipelinedRedis):
            return client.call_script(addition.script.script, command)
        words = cast("Words", command)  # only a shared connection takes bytes
        first = 3 + int(words[2])
        return addition.script(keys=cast("Sequence[str]", words[3:first]), args=words[first:])

    async def add(self, additions: Sequence[Addition]) -> list[object]:
        """Add jobs in one transaction and one round trip; return what Lua answered, in order.

        The scripts are loaded within the transaction: redis-py would ask for them first, and lose them if Redis
        were restarted in between.
        """
        scripts = {addition.script.sha: addition.script for addition in additions}
        loads: list[Words] = [("SCRIPT", "LOAD", script.script) for script in scripts.values()]
        adds = [addition.command for addition in additions]
        if isinstance(self.conn, PipelinedRedis):
            return (await self.conn.run_transaction([*loads, *adds]))[len(loads) :]
        return (await _transact(self.conn, [*loads, *cast("list[Words]", adds)]))[len(loads) :]

    async def getJobScheduler(self, job_scheduler_id: str) -> tuple[dict[str, str] | None, int | None]:
        """Return a scheduler's hash and its next run; (None, None) for a missing one, where the port raises."""
        if await self.conn.zscore(self.keys["repeat"], job_scheduler_id) is None:
            return None, None
        return await super().getJobScheduler(job_scheduler_id)

    async def addJobScheduler(
        self,
        job_scheduler_id: str,
        next_millis: int | None,
        template_data: str,
        template_opts: Mapping[str, object],
        scheduler_opts: Mapping[str, object],
        delayed_job_opts: Mapping[str, object],
        producer_id: str | None = None,
    ) -> list[str | int] | None:
        """Write a schedule. Raises UsedUp where it has had as many runs as this same rule allows."""
        return checked(
            await super().addJobScheduler(
                job_scheduler_id,
                next_millis,
                template_data,
                template_opts,
                scheduler_opts,
                delayed_job_opts,
                producer_id,
            )
        )

    def clientName(self, suffix: str | None = None) -> str:
        """Return the name of the queue's workers in Redis's client list, as Node encodes it.

        A queue's plain name may hold a space, which Redis refuses in client names.
        """
        return client_name(self.prefix, self.name) + (suffix or "")


def client_name(prefix: str, queue: str) -> str:
    """Return what Node's `QueueBase.clientName` returns: prefix and base64 of the queue's name."""
    return f"{prefix}:{b64encode(queue.encode()).decode()}"


async def _transact(client: Redis, commands: Sequence[Words]) -> list[object]:
    """Run commands in one transaction of redis-py's; a reply that is an error stands in its place."""
    with cancellation_kept():
        replies = await _execute(client, commands)
    if any(isinstance(reply, Exception) and is_of_replica(reply) for reply in replies):
        # redis-py closes a connection for such an error, and not for one within the answer of a transaction.
        await client.connection_pool.disconnect(inuse_connections=False)
    return replies


async def _execute(client: Redis, commands: Sequence[Words]) -> list[object]:
    async with client.pipeline(transaction=True) as pipe:
        now = cast("Callable[[str], Awaitable[object]]", pipe.immediate_execute_command)  # pyright: ignore[reportUnknownMemberType] - untyped in redis-py
        add = cast("Callable[..., object]", pipe.execute_command)  # pyright: ignore[reportUnknownMemberType] - as above
        # Where a user may not send MULTI, what comes after it would be carried out one by one.
        await now("MULTI")
        await now("DISCARD")
        for words in commands:
            add(*words)
        return await pipe.execute(raise_on_error=False)
