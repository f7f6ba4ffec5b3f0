"""Which service has declared which schedules of a prefix, and which of its processes do; and the lock of who writes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Final, cast
from uuid import uuid4

from midday_worker.engine.inspection.health import heartbeat_key
from midday_worker.engine.redis.connection import Connection
from midday_worker.engine.redis.error_translation import bounded
from midday_worker.errors import EngineError

LOCK_S: Final = 10
"""How long the lock holds if whoever has it is gone."""

_AGAIN_S: Final = 0.1
_RELEASE: Final = 'if redis.call("GET", KEYS[1]) == ARGV[1] then return redis.call("DEL", KEYS[1]) end'


@dataclass(frozen=True, slots=True)
class Owner:
    """Who declared a schedule.

    Attributes:
        service: its name; "" for one without.
        gone_ms: since when no process that declares the schedule has been seen, in epoch milliseconds; None if one was.
    """

    service: str
    gone_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaringProcess:
    """A process that declares schedules. Times in epoch seconds.

    Attributes:
        service: the name of its service.
        prefix: its program's, which the key of its heartbeat begins with.
        host, pid, started_at: as its heartbeat has them.
        declared: each schedule's queue and id, as `queue:id`.
        content: a digest of all that it declares.
    """

    service: str
    prefix: str
    host: str
    pid: int
    started_at: float
    declared: Sequence[str]
    content: str

    @property
    def field(self) -> str:
        """Its place in the hash of processes: that of one which ran in the same place before."""
        return f"{self.service}:{self.host}:{self.pid}"


class ScheduleOwners:
    """What Redis holds of the services that declare schedules of a prefix.

    Args:
        connection: for the queues of the prefix.
        prefix: what their keys begin with.
    """

    def __init__(self, connection: Connection, prefix: str) -> None:
        self._connection = connection
        self._client = connection.conn
        # Not below `prefix:midday-worker:`, where heartbeats are looked for.
        self._owners, self._processes, self._prefixes, self._lock = (
            f"{prefix}:midday-worker-schedules:{end}" for end in ("owners", "processes", "prefixes", "lock")
        )
        self._action = f"reconcile the schedules of prefix {prefix}"

    def bounded(self) -> bounded:
        """Return a block whose commands may take the command timeout in all, and raise this library's errors."""
        return bounded(self._connection.deadlines, self._action)

    @asynccontextmanager
    async def locked(self) -> AsyncGenerator[None]:
        """Hold the lock within the block, once nobody else does."""
        token = uuid4().hex
        while True:
            async with self.bounded():
                if await cast("Awaitable[object]", self._client.set(self._lock, token, nx=True, ex=LOCK_S)):
                    break
            await asyncio.sleep(_AGAIN_S)
        try:
            yield
        finally:
            with suppress(EngineError):  # it ends by itself
                async with self.bounded():
                    await cast("Awaitable[object]", self._client.eval(_RELEASE, 1, self._lock, token))

    async def read(self) -> tuple[dict[str, Owner], list[DeclaringProcess]]:
        """Return the owners, by the schedules' queue and id, and the processes whose hearts beat."""
        async with self.bounded():
            owners, processes = await asyncio.gather(self._all(self._owners), self._all(self._processes))
            known = [DeclaringProcess(**json.loads(text)) for text in processes.values()]
            beats = await asyncio.gather(*map(self._lives, known))
        living = [process for process, lives in zip(known, beats, strict=True) if lives]
        return {place: Owner(**json.loads(text)) for place, text in owners.items()}, living

    async def prefixes(self, service: str) -> set[str]:
        """Return the prefixes under which a service has declared schedules, as noted here, under the program's own."""
        async with self.bounded():
            noted = await cast("Awaitable[set[str]]", self._client.smembers(self._prefixes))
        return {prefix for name, _, prefix in (each.partition(":") for each in noted) if service and name == service}

    async def note_prefix(self, service: str, prefix: str, *, used: bool) -> None:
        """Note that a service has declared schedules under a prefix, or has none there any more."""
        change = self._client.sadd if used else self._client.srem
        async with self.bounded():
            await change(self._prefixes, f"{service}:{prefix}")

    async def join(self, process: DeclaringProcess) -> None:
        """Write down what a process declares."""
        async with self.bounded():
            await self._put(self._processes, process.field, asdict(process))

    async def own(self, place: str, owner: Owner) -> None:
        """Write down whose a schedule is."""
        async with self.bounded():
            await self._put(self._owners, place, asdict(owner))

    async def forget(self, place: str) -> None:
        """Forget whose a schedule is."""
        async with self.bounded():
            await self._client.hdel(self._owners, place)

    async def leave(self, service: str, needed: Collection[str]) -> None:
        """Forget the service's processes that are gone, but those that declare a schedule that is still needed."""
        async with self.bounded():
            for field, text in (await self._all(self._processes)).items():
                process = DeclaringProcess(**json.loads(text))
                if process.service != service or not set(needed).isdisjoint(process.declared):
                    continue
                if not await self._lives(process):
                    await self._client.hdel(self._processes, field)

    async def _lives(self, process: DeclaringProcess) -> bool:
        text = await cast(
            "Awaitable[str | None]", self._client.get(heartbeat_key(process.prefix, process.host, process.pid))
        )
        # Another process may have its place now, as the first one of a container that was started again.
        return text is not None and json.loads(text).get("started_at") == process.started_at

    async def _all(self, key: str) -> dict[str, str]:
        return await cast("Awaitable[dict[str, str]]", self._client.hgetall(key))

    async def _put(self, key: str, field: str, value: object) -> None:
        await self._client.hset(key, field, json.dumps(value))
