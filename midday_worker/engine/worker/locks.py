"""Renewing the locks of running jobs from a thread, so that a handler that blocks the event loop keeps its job.

The port renews them in a task on the loop: a loop that is blocked past the lock's duration loses the job to another
worker, which runs it a second time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bullmq.redis_connection import loadScript
from loguru import logger
from redis import Redis
from redis.commands.core import Script
from redis.exceptions import AskError, MovedError, TryAgainError
from redis.typing import EncodableT

from midday_worker.engine.job.threads import in_thread
from midday_worker.engine.redis.connection import Connection, RedisConfig, connect_in_thread
from midday_worker.engine.redis.outage import Outage
from midday_worker.engine.redis.pause import pause_s
from midday_worker.engine.worker.moving_locks import renew_where_they_are
from midday_worker.telemetry.metrics.tally import QueueTally

_LONGEST_S: Final = 5.0
"""How long the thread waits for a reply at most, however long locks last."""

_SHORTEST_S: Final = 0.05


@dataclass(slots=True, eq=False)
class _Held:
    """A lock: since when it has been sure to last for its whole duration, and whether we are about to give it up."""

    token: str
    since: float
    settling: bool = False


class LockRenewal:
    """Renews the locks of tracked jobs every quarter of their duration; soon again when that fails.

    A reply is waited for no longer than such a quarter, so that there are further tries while a lock lasts.

    Args:
        queue: the name of the queue whose jobs they are.
        keys: of the queue, by the port's names.
        lock_duration_ms: how long a lock lasts without renewal.
        redis: to which the thread opens a connection of its own.
        connection: the process's shared one; the thread's is made anew when that is.
        outage: is told whether that Redis answers.
        tally: counts renewals.
    """

    def __init__(
        self,
        queue: str,
        keys: Mapping[str, str],
        lock_duration_ms: int,
        redis: RedisConfig,
        connection: Connection,
        outage: Outage,
        tally: QueueTally | None = None,
    ) -> None:
        self._lock_duration_ms = lock_duration_ms
        self._redis = redis
        self._connection = connection
        self._outage = outage
        self._every_s = lock_duration_ms / 4000
        self._timeout_s = max(_SHORTEST_S, min(_LONGEST_S, self._every_s))
        self._tally = tally or QueueTally(queue)
        self._who = f"locks of queue {queue}"
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._keys = (keys["stalled"], keys[""])
        self._held: dict[str, _Held] = {}

    def track_job(self, job_id: str, token: str) -> None:
        """Renew the lock of a job from now on."""
        self._held[job_id] = _Held(token, time.monotonic())

    def untrack_job(self, job_id: str, token: str | None = None) -> None:
        """Renew it no longer; with a token, only if that is the one it is locked with."""
        held = self._held.get(job_id)
        if held is not None and token in (None, held.token):
            del self._held[job_id]

    def get_tracked_job_ids(self) -> list[str]:
        """Return the ids of the jobs whose locks are renewed."""
        return list(self._held)

    def note_settling(self, job_id: str, token: str) -> None:
        """Take note that a job is being settled: its lock goes with it, maybe long before Redis' answer comes."""
        held = self._held.get(job_id)
        if held is not None and held.token == token:
            held.settling = True

    def start(self) -> None:
        """Start the thread. Safe to call again."""
        if self._thread is None and not self._stop.is_set():
            self._thread = threading.Thread(target=self._renew, name="midday-worker-locks", daemon=True)
            self._thread.start()

    def is_running(self) -> bool:
        """Return whether the thread renews."""
        return self._thread is not None and self._thread.is_alive()

    async def close(self) -> None:
        """Stop renewing. The jobs have ended, or are handed back."""
        self._stop.set()
        self._held.clear()
        if self._thread is not None:
            await in_thread(self._thread.join, _LONGEST_S)

    def _renew(self) -> None:
        client = connect_in_thread(self._redis, self._timeout_s)
        extend = client.register_script(loadScript("extendLock-2.lua"))
        failed, generation = 0, self._connection.generation
        try:
            while not self._stop.wait(min(self._every_s, pause_s(failed)) if failed else self._every_s):
                if failed or generation != self._connection.generation:
                    # A demoted server that doesn't know the locks would say that they are lost.
                    client.connection_pool.disconnect()  # pyright: ignore[reportUnknownMemberType] - as below
                    generation = self._connection.generation
                failed = 0 if self._renew_once(client, extend) else failed + 1
        finally:
            client.close()

    def _renew_once(self, client: Redis, extend: Script) -> bool:
        """Renew all; False if Redis didn't do it."""
        # A copy: the loop tracks and untracks meanwhile.
        locks = list(self._held.items())
        if not locks and not self._outage.failures(self._who):
            return True
        started = time.monotonic()
        try:
            renewed = self._extend(client, extend, locks)
        except Exception as error:  # whatever it is: this thread has to go on
            self._tally.lock_renewal_failures += 1
            self._outage.note_failure(self._who, error, started)
            return False
        self._outage.note_success(self._who)
        for (job_id, held), answer in zip(locks, renewed, strict=False):
            if answer == 1:
                held.since = started
                self._tally.lock_renewals += 1
            elif self._is_lost(job_id, held):
                self._tally.locks_lost += 1
                logger.warning("job {id} has lost its lock; another worker may run it", id=job_id)
        return True

    def _extend(self, client: Redis, extend: Script, locks: Sequence[tuple[str, _Held]]) -> list[object]:
        stalled, prefix = self._keys
        keys = [_bytes(f"{prefix}{job_id}:lock") for job_id, _ in locks]
        try:
            with client.pipeline(transaction=False) as pipeline:  # pyright: ignore[reportUnknownMemberType] - as below
                for key, (job_id, held) in zip(keys, locks, strict=True):
                    args: list[EncodableT] = [held.token, self._lock_duration_ms, _bytes(job_id)]
                    extend(keys=[key, stalled.encode()], args=args, client=pipeline)
                if not locks:
                    pipeline.ping()  # pyright: ignore[reportUnknownMemberType] - as above; so that the end of an outage is noticed
                return pipeline.execute()
        except (AskError, TryAgainError) as error:
            if isinstance(error, MovedError):  # it has moved, and isn't moving
                raise
            tokens = [held.token for _, held in locks]
            return renew_where_they_are(client, list(zip(keys, tokens, strict=True)), self._lock_duration_ms)

    def _is_lost(self, job_id: str, held: _Held) -> bool:
        """Whether a lock that is gone may be another worker's; not if the job has ended meanwhile, or is ending."""
        if self._held.get(job_id) is not held:
            return False
        # One that can't have expired yet was taken by our own settlement, whose answer is still to come.
        return not held.settling or time.monotonic() - held.since >= self._lock_duration_ms / 1000


def _bytes(text: str) -> bytes:
    # An id may be anything: what is not UTF-8 is escaped in it, and redis-py's encoding of arguments is strict here.
    return text.encode("utf-8", "surrogateescape")
