"""`Readiness`: can this process do its work now, and if not, why not?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from midday_worker.databases import Database
from midday_worker.engine.inspection.health import ping
from midday_worker.engine.redis.connection import Connection
from midday_worker.engine.redis.outage import Outage
from midday_worker.engine.worker.worker import Worker

PROBE_S: Final = 1.5
"""How often Redis is asked whether it is there; the database is asked less often."""

ANSWER_S: Final = 2.0
"""How long an answer may take. With PROBE_S it makes less than the 5 s within which an outage has to be known."""

_DATABASE_PROBE_S: Final = 5.0
_WHO: Final = "readiness"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueReadiness:
    """One queue of a process: is its run loop alive, and does it fetch?"""

    queue: str
    alive: bool
    fetching: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadinessReport:
    """What a process knew of itself at one moment.

    Attributes:
        queues: each queue that it works.
        redis: whether Redis answers.
        database: whether the database answers; None if none is configured.
        draining: whether it has been told to stop.
    """

    queues: tuple[QueueReadiness, ...]
    redis: bool
    database: bool | None
    draining: bool

    @property
    def ready(self) -> bool:
        """Whether it fetches and can run jobs of every queue."""
        return not self.reasons

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it isn't ready, each in a few words; empty if it is."""
        if self.draining:
            return ("it is draining",)
        found = ["Redis does not answer"] if not self.redis else []
        found += ["the database does not answer"] if self.database is False else []
        found += [f"the run loop of queue {each.queue} has ended" for each in self.queues if not each.alive]
        found += [f"queue {each.queue} is not fetched" for each in self.queues if each.alive and not each.fetching]
        return tuple(found)


class Readiness:
    """Watches what a process needs, from `start` to `stop`.

    Args:
        workers: the workers of its queues.
        connection: to Redis.
        outage: is told whether Redis answers.
        database: what is behind `ctx.db`.
    """

    def __init__(
        self,
        workers: Sequence[Worker],
        connection: Connection,
        outage: Outage,
        database: Database | None = None,
    ) -> None:
        self._workers = workers
        self._connection = connection
        self._outage = outage
        self._database = database
        self._latency_s: float | None = None
        self._unanswered_since: float | None = None
        self._redis_answers = False
        self._database_answers = False
        self._draining = False
        self._probes: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Look once, and start watching."""
        await asyncio.gather(self._probe_redis(), self._probe_database())
        self._probes = [asyncio.create_task(_repeat(self._probe_redis, PROBE_S))]
        if self._database is not None:
            self._probes.append(asyncio.create_task(_repeat(self._probe_database, _DATABASE_PROBE_S)))

    def drain(self) -> None:
        """Take note that the process has been told to stop: it is not ready from now on."""
        self._draining = True

    async def stop(self) -> None:
        """Stop watching."""
        for probe in self._probes:
            probe.cancel()
        if self._probes:
            # Not for ever: redis-py may swallow a cancellation (see Worker).
            await asyncio.wait(self._probes, timeout=ANSWER_S)

    @property
    def redis_latency_s(self) -> float | None:
        """How long Redis took for its last answer or has owed one, whichever is longer; None if it was never asked."""
        since = self._unanswered_since
        if since is None:
            return self._latency_s
        return max(self._latency_s or 0.0, time.monotonic() - since)

    def report(self) -> ReadinessReport:
        """Return what is known now."""
        return ReadinessReport(
            queues=tuple(
                QueueReadiness(queue=worker.name, alive=worker.running, fetching=worker.is_fetching)
                for worker in self._workers
            ),
            redis=self._redis_answers,
            database=None if self._database is None else self._database_answers,
            draining=self._draining,
        )

    async def _probe_redis(self) -> None:
        started = time.monotonic()
        if self._unanswered_since is None:
            self._unanswered_since = started
        try:
            async with asyncio.timeout(ANSWER_S):
                await ping(self._connection)
        except Exception as error:  # whatever it is, it isn't ready
            self._redis_answers = False
            self._outage.note_failure(_WHO, error, started)
        else:
            self._latency_s = time.monotonic() - started
            self._unanswered_since = None
            self._redis_answers = True
            self._outage.note_success(_WHO)

    async def _probe_database(self) -> None:
        if self._database is None:
            return
        try:
            await self._database.ping(round(ANSWER_S * 1000))
        except Exception:  # whatever it is, it isn't ready
            self._database_answers = False
        else:
            self._database_answers = True


async def _repeat(probe: Callable[[], Awaitable[None]], every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        await probe()
