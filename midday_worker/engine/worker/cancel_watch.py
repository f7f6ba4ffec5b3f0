"""Listening for the cancellation of running jobs: one subscription per process, and a look at their keys.

The message comes at once. Whoever missed it, as its connection was away, finds the key within a second: one command for
all jobs that run in the process, and none while none runs.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from loguru import logger
from redis.exceptions import NoPermissionError

from midday_worker.engine.acts.cancellation import CancelMessage, channel
from midday_worker.engine.job.interruption import end_all
from midday_worker.engine.redis.connection import connect_blocking
from midday_worker.engine.redis.error_translation import UNREACHABLE
from midday_worker.engine.redis.retry_queue import RetryQueue
from midday_worker.engine.wire.cancel_key import cancel_key, forget_if_ended

if TYPE_CHECKING:
    from collections.abc import Mapping

    from redis.asyncio import Redis

    from midday_worker.engine.job.job import Job
    from midday_worker.engine.redis.connection import Connection, RedisConfig
    from midday_worker.engine.worker.running import RunningJobs

POLL_S: Final = 1.0
SOON_S: Final = 0.05
"""A message may be faster than the answer that brings its job: then the key is looked at so much later."""

_LISTEN_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class _Member:
    """One queue's worker: its name, the prefix of its keys, and what runs."""

    queue: str
    prefix: str
    running: RunningJobs


class CancelWatch:
    """Cancels jobs that run in this process when they are cancelled anywhere.

    Args:
        redis: where a connection of its own goes, for the subscription.
        connection: looks at the keys.
    """

    def __init__(self, redis: RedisConfig, connection: Connection) -> None:
        self._redis = redis
        self._connection = connection
        self._members: list[_Member] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._client: Redis | None = None
        self._warned = False

    def join(self, queue: str, prefix: str, running: RunningJobs) -> None:
        """Watch the jobs of one more worker. The first one starts the watch."""
        if any(member.running is running for member in self._members):  # its run loop was started again
            return
        self._members.append(_Member(queue, prefix, running))
        if not self._tasks:
            self._client = connect_blocking(self._redis)
            self._tasks = [asyncio.create_task(self._listen(self._client)), asyncio.create_task(self._poll())]

    async def leave(self, running: RunningJobs) -> None:
        """Watch a worker's jobs no longer. The last one ends the watch."""
        self._members = [member for member in self._members if member.running is not running]
        if self._members or self._client is None:
            return
        tasks, self._tasks = self._tasks, []
        client, self._client = self._client, None
        await end_all(tasks)
        with suppress(*UNREACHABLE):
            await client.aclose()

    async def _listen(self, client: Redis) -> None:
        retries = RetryQueue()
        while True:
            try:
                async with client.pubsub() as pubsub:  # pyright: ignore[reportUnknownMemberType] - redis-py's **kwargs are untyped
                    await pubsub.subscribe(channel(self._redis.prefix))  # pyright: ignore[reportUnknownMemberType] - as above
                    generation = self._connection.generation
                    while generation == self._connection.generation:  # else it may lead to a server that was demoted
                        message = cast("Mapping[str, object] | None", await pubsub.get_message(timeout=_LISTEN_S))
                        if message is not None:  # the first confirms that it listens
                            retries.note_success()
                            self._receive(message)
            except NoPermissionError as error:
                self._warn(error)
                await asyncio.sleep(_LISTEN_S)
            except Exception as error:  # whatever it is: the keys are looked at meanwhile
                logger.debug("not listening for cancellations: {error}", error=error)
                await retries.wait()

    def _warn(self, error: Exception) -> None:
        if not self._warned:
            logger.warning(
                "this Redis user may not listen for cancellations, of which this worker hears up to {late:g} s later: "
                "{error}. It needs +subscribe, and the channel &{channel}",
                **{"late": POLL_S, "error": error, "channel": channel(self._redis.prefix)},
            )
        self._warned = True

    def _receive(self, received: Mapping[str, object]) -> None:
        if received["type"] == "subscribe":  # what was published before this is missed
            self._poll_soon()
            return
        message = CancelMessage.parse(received["data"])
        if message is None:
            return
        members = [member for member in self._members if member.queue == message.queue]
        if members and not any(member.running.cancel(message.id, message.reason) for member in members):
            asyncio.get_running_loop().call_later(SOON_S, self._poll_soon, members[0].prefix, message.id)

    def _poll_soon(self, prefix: str = "", job_id: str = "") -> None:
        if self._tasks:
            self._tasks.append(asyncio.create_task(self._poll_for(prefix, job_id)))
            self._tasks[-1].add_done_callback(self._forget)

    async def _poll_for(self, prefix: str, job_id: str) -> None:
        await self._poll_once()
        if job_id:
            try:  # it may have ended before the message came, and a later job of its id is not meant
                await forget_if_ended(self._connection.conn, prefix, job_id)
            except Exception as error:  # whatever it is: it expires
                logger.debug("the cancellation of job {id} is left behind: {error}", id=job_id, error=error)

    def _forget(self, task: asyncio.Task[None]) -> None:
        if task in self._tasks:
            self._tasks.remove(task)

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            await self._poll_once()

    async def _poll_once(self) -> None:
        running = [(member, job) for member in self._members for job in member.running.stoppable()]
        if not running:
            return
        try:
            keys = [cancel_key(member.prefix, job.id) for member, job in running]
            reasons = cast("list[str | None]", await self._connection.conn.mget(keys))
            found = [(*one, reason) for one, reason in zip(running, reasons, strict=True) if reason is not None]
            meant = [await self._is_meant(member, job) for member, job, _ in found]
        except Exception as error:  # whatever it is: the next look may succeed
            logger.debug("could not look for cancellations: {error}", error=error)
            return
        for (member, job, reason), is_meant in zip(found, meant, strict=True):
            if is_meant:
                member.running.cancel(job.id, reason, of=job)

    async def _is_meant(self, member: _Member, job: Job) -> bool:
        # A cancellation that came as its job was completed leaves its key behind, for a later job of the same id.
        return await self._connection.conn.hget(f"{member.prefix}{job.id}", "defa") is not None
