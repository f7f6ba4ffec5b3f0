"""Bringing a queue's jobs: when to ask Redis for the next one, and what to make of its answer."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import Final, TypeAlias, TypeVar

from redis.exceptions import RedisError

from midday_worker.engine.producer.backend import Backend
from midday_worker.engine.redis.connection import LONGEST_BLOCK_S
from midday_worker.engine.redis.error_translation import (
    UNREACHABLE,
    ResponseError,
    is_passing_for_worker,
    was_never_sent,
)
from midday_worker.engine.redis.retry_queue import RetryQueue
from midday_worker.engine.wire.fetched import Fetched
from midday_worker.engine.worker.job_scripts import Transitions

T = TypeVar("T")

_LOOK_AGAIN_S: Final = 5.0
"""How long an idle worker waits before it looks for jobs whose marker was lost; BullMQ's `drainDelay`."""

_LIMITED_LOOK_S: Final = 2.0
"""How long a limited worker waits at most before it looks: the limit may be lifted, and delayed jobs become due."""

_NUDGE_EVERY_S: Final = 0.005
_WIDEST: Final = 6
"""At most 64 fetches side by side."""

Answer: TypeAlias = tuple[Fetched, str]
"""What a fetch brought, and the token that it named."""


class Intake:
    """Decides when to fetch, and how many jobs at a time; an idle queue costs one blocking command.

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
        self._unsure: set[str] = set()
        self._took_marker = False
        self._in_a_row = 0

    @property
    def closed(self) -> asyncio.Event:
        """Set once nothing may be fetched any more."""
        return self._closed

    def close(self) -> None:
        """Fetch no further job; what waits for one is cut short. May be called again and again."""
        self._closed.set()
        if self._interruptible is not None:
            self._interruptible.cancel()

    @property
    def width(self) -> int:
        """How many jobs are worth fetching side by side: the more, the more fetches in a row have brought some.

        One of a queue that may be empty, and then a single one again: a job that comes alone costs no more than that.
        """
        return 1 << min(max(0, self._in_a_row - 1), _WIDEST)

    async def next(self, most: int = 1) -> list[Answer]:
        """Wait until there may be jobs, and fetch up to `most`; return what Redis answered, in its order.

        Nothing if it isn't time to fetch, or after `close`.
        """
        left = self._limited_until - time.monotonic()
        if left > 0:
            # The port would sleep its drain delay here, whatever the limit's time to live. A fetch that is limited
            # takes no job, so it doesn't count against the limit, and it moves delayed jobs that are due.
            await self.unless_closed(asyncio.sleep(min(left, _LIMITED_LOOK_S)))
        elif self._empty and not await self._wait():
            return []
        return [] if self._closed.is_set() else await self._fetch(most)

    async def leave(self, timeout_s: float) -> list[Answer]:
        """After `close`: give back the queue's marker, which another worker may wait for.

        Returns:
            The jobs that fetches took whose answers were lost, with their tokens: nobody runs them.
        """
        found: list[Answer] = []
        retries, until = RetryQueue(), time.monotonic() + timeout_s
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self._unsure or self._took_marker:
                    try:
                        await self._clear_up(found)
                    except (RedisError, OSError):
                        if not await retries.wait(until):
                            break
        return found

    async def _clear_up(self, found: list[Answer]) -> None:
        # Harmless where there is no job: whom it wakes finds none, and waits again.
        await self._backend.conn.zadd(self._backend.keys["marker"], {"0": 0})
        await self._recover(found)
        self._took_marker = False

    def learn(self, fetched: Fetched) -> None:
        """Take in what an answer says of when to look again; whoever asked, here or while settling a job."""
        self._limited_until = time.monotonic() + fetched.limited_ms / 1000 if fetched.limited_ms else 0.0
        if fetched.job_id is not None:
            self._empty = False
            return
        self._in_a_row = 0
        if fetched.due_ms or not self._empty:
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

    async def _fetch(self, count: int) -> list[Answer]:
        answers: list[Answer] = []
        await self._recover(answers)
        if answers:
            return answers
        if count == 1:
            answers = [await self._fetch_one()]
        else:  # they go out together, and Redis answers them in order
            outcomes = await asyncio.gather(*(self._fetch_one() for _ in range(count)), return_exceptions=True)
            answers = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
            errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
            if errors and not answers:
                raise errors[0]
        self._in_a_row += 1
        return answers

    async def _recover(self, found: list[Answer]) -> None:
        # A fetch whose answer was lost may have been carried out: its job is active, and nobody runs it.
        for token in list(self._unsure):
            fetched = await self._moves.recover(token, {*self._running(), *(each.job_id or "" for each, _ in found)})
            self._unsure.discard(token)
            if fetched.job_id is not None:
                found.append((fetched, token))

    async def _fetch_one(self) -> Answer:
        self._fetches += 1
        token = f"{self._worker_id}:{self._fetches}"
        self._unsure.add(token)
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
                self._unsure.discard(token)
            raise
        self._unsure.discard(token)
        self._took_marker = False
        return fetched, token
