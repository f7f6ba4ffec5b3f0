"""`QueueEvents`: one connection on which all who wait for jobs of a queue hear of them.

A waiter is known here before its job's state is looked at, and the stream is read from where it ended at that instant:
so no end is missed, whether it comes before, during or after the call.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from midday_worker.engine.following.event_log import BATCH, START, Position, is_trimmed_after, position_of, read_after
from midday_worker.engine.following.state_snapshot import read_endings, take_snapshot
from midday_worker.engine.following.waiter import Waiter
from midday_worker.engine.job.interruption import end_all
from midday_worker.engine.producer.queue import Queue
from midday_worker.engine.redis.condition import explained
from midday_worker.engine.redis.connection import Connection, RedisConfig, connect_blocking
from midday_worker.engine.redis.error_translation import UNREACHABLE, is_passing
from midday_worker.engine.redis.retry_queue import RetryQueue
from midday_worker.errors import ClientClosedError, RedisRefusedError

POLL_MS: Final = 5_000
"""How often states are read even without an event, which a trimmed stream may have lost."""

LINGER_S: Final = 2.0
"""How long the connection stays when nobody waits any more: who waits for one job after the other keeps it."""

_AT_ONCE: Final = 500


class QueueEvents:
    """Who waits for jobs of one queue. Connects when the first one has to wait, and closes after the last.

    Args:
        queue: on the shared connection, for looking at states.
        config: for the connection that reads the queue's event stream.
    """

    def __init__(self, queue: Queue, config: RedisConfig) -> None:
        self._queue = queue
        self._config = config
        self._waiters: dict[str, list[Waiter]] = {}
        self._unseen: dict[Waiter, None] = {}
        self._polling: asyncio.Task[None] | None = None
        self._reading: asyncio.Task[None] | None = None
        self._stopping: set[asyncio.Task[None]] = set()
        self._position: Position = START
        self._polled_at = 0.0
        self._lost_touch = False

    @property
    def is_connected(self) -> bool:
        """Whether the event stream is being read."""
        return self._reading is not None and not self._reading.done()

    def wait(self, job_id: str, on_progress: Callable[[str], None] | None = None) -> Waiter:
        """Return a waiter for a job's end, to be left with `waiter.leave(waiter)`."""
        waiter = Waiter(job_id, self._leave, on_progress)
        self._waiters.setdefault(job_id, []).append(waiter)
        self._poll((waiter,))
        return waiter

    async def close(self) -> None:
        """Close the connection; who still waits gets ClientClosedError."""
        self._fail(self._all(), ClientClosedError)
        await end_all(task for task in (self._polling, self._reading, *self._stopping) if task is not None)

    def _all(self) -> list[Waiter]:
        return [waiter for waiters in self._waiters.values() for waiter in waiters]

    def _leave(self, waiter: Waiter) -> None:
        waiters = self._waiters.get(waiter.job_id, [])
        if waiter in waiters:
            waiters.remove(waiter)
        self._unseen.pop(waiter, None)
        if not waiters:
            self._waiters.pop(waiter.job_id, None)
        if not self._waiters and self.is_connected:
            asyncio.get_running_loop().call_later(LINGER_S, self._stop_if_unused)

    def _stop_if_unused(self) -> None:
        if not self._waiters and self._reading is not None:
            # Who waits from now on gets a new one: this one hears nothing more, however long its end takes.
            reading, self._reading = self._reading, None
            self._stopping.add(reading)
            reading.add_done_callback(self._stopping.discard)
            reading.cancel()

    def _poll(self, waiters: Iterable[Waiter]) -> None:
        self._unseen.update(dict.fromkeys(waiters))
        if self._unseen and (self._polling is None or self._polling.done()):
            self._polling = asyncio.create_task(self._poll_unseen())

    async def _poll_unseen(self) -> None:
        await asyncio.sleep(0)  # who asks in the same turn of the loop is looked at together
        retries = RetryQueue()
        while batch := list(self._unseen)[:_AT_ONCE]:
            try:
                await self._poll_once(batch)
                retries.note_success()
            except Exception as error:
                if is_passing(error):
                    await retries.wait()
                else:
                    self._fail(batch, self._explained(error))

    async def _poll_once(self, batch: list[Waiter]) -> None:
        listeners = [waiter.job_id for waiter in batch if waiter.on_progress is not None]
        seen = await take_snapshot(self._queue, list(dict.fromkeys(waiter.job_id for waiter in batch)), listeners)
        endings = await read_endings(self._queue, seen.states)
        for waiter in batch:
            self._unseen.pop(waiter, None)
            job_id = waiter.job_id
            if waiter.note_state(seen.position, seen.states[job_id], seen.progress.get(job_id), endings.get(job_id)):
                self._unseen[waiter] = None
        if len(endings) < len(seen.states):
            self._read_from(seen.position)

    def _read_from(self, position: Position) -> None:
        if not self.is_connected:
            self._position = position
            self._reading = asyncio.create_task(self._read())
            self._polled_at = time.monotonic()
        elif self._lost_touch:
            self._position = min(self._position, position)  # a restarted Redis may have lost its newest entries
            self._lost_touch = False

    async def _read(self) -> None:
        client = connect_blocking(self._config, self._queue.backend.clientName(":qe"))  # as Node names it
        shared = cast("Connection", self._queue.redisConnection)
        retries, generation = RetryQueue(), shared.generation
        try:
            while asyncio.current_task() is self._reading:  # redis-py may swallow a cancellation
                if generation != (generation := shared.generation):
                    await client.connection_pool.disconnect()  # it may lead to a server that was demoted
                try:
                    await self._read_once(client)
                    retries.note_success()
                except Exception as error:
                    if not is_passing(error):
                        self._fail(self._all(), self._explained(error))
                        return
                    await retries.wait()
                    self._lost_touch = True
                    self._poll(self._all())
        finally:
            with suppress(*UNREACHABLE):
                await client.aclose()

    async def _read_once(self, client: Redis) -> None:
        key, before = self._queue.keys["events"], self._position
        entries = await read_after(client, key, before, POLL_MS)
        for entry_id, event in entries:
            self._dispatch(position_of(entry_id), event)
        now = time.monotonic()
        if now - self._polled_at >= POLL_MS / 1000 or (
            len(entries) == BATCH and await is_trimmed_after(client, key, before)
        ):
            self._polled_at = now
            self._poll(self._all())

    def _dispatch(self, position: Position, event: dict[str, str]) -> None:
        self._position = position
        waiters = self._waiters.get(event.get("jobId", ""))
        if waiters:
            self._poll([waiter for waiter in waiters if waiter.take(position, event)])

    def _explained(self, error: Exception) -> Callable[[], Exception]:
        if isinstance(error, RedisError | OSError):
            why = f"Redis refused to tell of jobs in queue {self._queue.name}: {explained(error)}"
            return lambda: RedisRefusedError(why)
        return lambda: error

    def _fail(self, waiters: Iterable[Waiter], error: Callable[[], Exception]) -> None:
        for waiter in waiters:
            self._unseen.pop(waiter, None)
            waiter.fail(error())
