"""Bringing a queue's jobs: when to ask Redis for the next one, and what to make of its answer."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import Final, TypeVar

from redis.exceptions import RedisError

from midday_worker.engine.backend import Backend
from midday_worker.engine.connection import LONGEST_BLOCK_S
from midday_worker.engine.fetched import NOTHING, Fetched
from midday_worker.engine.transitions import Transitions
from midday_worker.engine.translation import UNREACHABLE, ResponseError, is_passing_for_worker, was_never_sent

T = TypeVar("T")

_LOOK_AGAIN_S: Final = 5.0
"""How long an idle worker waits before it looks for jobs whose marker was lost; BullMQ's `drainDelay`."""

_NUDGE_EVERY_S: Final = 0.005
_TRY_AGAIN_S: Final = 0.1


class Intake:
    """Decides when to fetch, and fetches one job at a time; an idle queue costs one blocking command.

    Args:
        moves: the queue's transitions.
        backend: the queue, with its blocking connection.
        worker_id: what the tokens of the fetches begin with.
        running: the ids of the jobs that run here.
    """

    def __init__(
        self, moves: Transitions, backend: Backend, worker_id: str, running: Callable[[], Collection[str]]
    ) -> None:
        self._moves = moves
        self._backend = backend
        self._worker_id = worker_id
        self._running = running
        self._closed = asyncio.Event()
        self._interruptible: asyncio.Future[object] | None = None
        self._empty = False
        self._due_ms = 0
        self._limited_until = 0.0
        self._fetches = 0
        self._unsure = ""
        self._took_marker = False

    @property
    def closed(self) -> asyncio.Event:
        """Set once nothing may be fetched any more."""
        return self._closed

    def close(self) -> None:
        """Fetch no further job; what waits for one is cut short. May be called again and again."""
        self._closed.set()
        if self._interruptible is not None:
            self._interruptible.cancel()

    async def next(self) -> tuple[Fetched, str] | None:
        """Wait until there may be a job, and fetch it; return the answer and the token that was asked with.

        None if it isn't time to fetch, or after `close`.
        """
        left = self._limited_until - time.monotonic()
        if left > 0:
            # The port would sleep its drain delay here, whatever the limit's time to live.
            await self.unless_closed(asyncio.sleep(left))
        elif self._empty and not await self._wait():
            return None
        return None if self._closed.is_set() else await self._fetch()

    async def leave(self, patience_s: float) -> tuple[Fetched, str] | None:
        """After `close`: give back the queue's marker, which another worker may wait for.

        Returns:
            The job that a fetch took whose answer was lost, with its token: nobody runs it. None if there is none.
        """
        found: tuple[Fetched, str] | None = None
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                while found is None and (self._unsure or self._took_marker):
                    try:
                        found = await self._clear_up()
                    except (RedisError, OSError):
                        await asyncio.sleep(_TRY_AGAIN_S)
        return found

    async def _clear_up(self) -> tuple[Fetched, str] | None:
        # Harmless where there is no job: whom it wakes finds none, and waits again.
        await self._backend.conn.zadd(self._backend.keys["marker"], {"0": 0})
        token, fetched = self._unsure, NOTHING
        if token:
            fetched = await self._moves.recover(token, self._running())
        self._unsure, self._took_marker = "", False
        return None if fetched.job_id is None else (fetched, token)

    def learn(self, fetched: Fetched) -> None:
        """Take in what an answer says of when to look again; whoever asked, here or while settling a job."""
        self._limited_until = time.monotonic() + fetched.limited_ms / 1000 if fetched.limited_ms else 0.0
        if fetched.job_id is not None:
            self._empty = False
        elif fetched.due_ms or not self._empty:
            self._empty, self._due_ms = True, fetched.due_ms

    async def unless_closed(self, awaitable: Awaitable[T]) -> T | None:
        """Await something that `close` may cut short; None if it did."""
        if self._closed.is_set():
            if asyncio.iscoroutine(awaitable):
                awaitable.close()
            return None
        future = asyncio.ensure_future(awaitable)
        self._interruptible = future  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue] - only cancelled
        try:
            return await future
        except asyncio.CancelledError:
            if self._closed.is_set() and future.cancelled():
                return None
            raise
        finally:
            self._interruptible = None

    async def _wait(self) -> bool:
        """Wait for the queue's marker, which an added job sets; False if it says that the next job is due later."""
        timeout_s = self._timeout_s()
        nudging = asyncio.create_task(self._nudge(timeout_s)) if self._due_ms else None
        try:
            taken = await self.unless_closed(self._backend.waitForJob(timeout_s))
        finally:
            if nudging is not None:
                nudging.cancel()
        self._took_marker = taken is not None or self._closed.is_set()  # the wait that was cut short may have taken it
        self._due_ms = int(float(taken[2])) if taken else 0
        if self._due_ms > time.time() * 1000:
            return False
        self._empty = False  # the marker is taken: if the fetch fails, the next try must not wait for another
        return True

    async def _nudge(self, timeout_s: float) -> None:
        # Redis looks for waits that are over when it wakes; with nothing else to do, that is every 100 ms.
        with suppress(RedisError, OSError):
            await asyncio.sleep(timeout_s)
            while True:
                await asyncio.sleep(_NUDGE_EVERY_S)
                await self._backend.conn.ping()  # pyright: ignore[reportUnknownMemberType] - untyped in redis-py

    def _timeout_s(self) -> float:
        if not self._due_ms:
            return _LOOK_AGAIN_S
        left = self._due_ms / 1000 - time.time()
        timeout = min(max(left, self._backend.minimumBlockTimeout), LONGEST_BLOCK_S)
        return timeout if self._backend.capabilities.get("canDoubleTimeout") else math.ceil(timeout)

    async def _fetch(self) -> tuple[Fetched, str]:
        if self._unsure:
            # A fetch whose answer was lost may have been carried out: its job is active, and nobody runs it.
            fetched = await self._moves.recover(self._unsure, self._running())
            token, self._unsure = self._unsure, ""
            if fetched.job_id is not None:
                return fetched, token
        self._fetches += 1
        self._unsure = token = f"{self._worker_id}:{self._fetches}"
        try:
            fetched = await self._moves.fetch(token)
        except ResponseError as error:
            if is_passing_for_worker(error):
                raise
            # The script stumbled over the job's own fields, when it had taken it already.
            fetched = await self._moves.recover(token, self._running())
            if fetched.job_id is None:
                raise
        except UNREACHABLE as error:
            if was_never_sent(error):
                self._unsure = ""
            raise
        self._unsure, self._took_marker = "", False
        return fetched, token
