"""`OutageRetries`: what a running handler asks of Redis is done late while Redis is away, and fails no job for that."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from redis.exceptions import RedisError

from midday_worker.engine.redis.error_translation import Writing, is_passing_for_worker, translation
from midday_worker.engine.redis.retry_queue import RetryQueue

T = TypeVar("T")

_LOOK_S: Final = 0.1
"""How often one who waits looks whether its attempt has been told to stop."""


class OutageRetries:
    """Tries what the handlers of one queue ask for again and again, for as long as Redis can't do it.

    There is no other limit, as a job that asks for nothing isn't failed by an outage either: who waits is an attempt
    that can be cancelled, timed out and handed back, which ends the waiting at once.
    """

    def __init__(self) -> None:
        self._retries = RetryQueue()

    async def run(
        self,
        is_told: Callable[[], bool],
        action: str,
        step: Callable[[], Awaitable[T]],
        writing: Writing | None = None,
    ) -> T:
        """Return what `step` returns, once it can be done.

        Args:
            is_told: whether the attempt that asks for it has been told to stop; then nothing is tried again.
            action: what is done, for errors: "store the progress of job 7".
            step: does it; safe to be repeated.
            writing: for a step that changes something; see `translation`.

        Raises:
            RedisUnavailableError: Redis is away, and the attempt was told to stop.
            RedisRefusedError: Redis will never do it.
        """
        while True:
            try:
                done = await step()
            except (RedisError, OSError) as error:
                if not is_passing_for_worker(error) or is_told():
                    raise translation(error, action, writing) from error
                await self.wait(is_told)
            else:
                self._retries.note_success()
                return done

    async def wait(self, is_told: Callable[[], bool]) -> None:
        """Wait until it is worth another try, or the attempt is told to stop."""
        waiting = asyncio.create_task(self._retries.wait())
        try:
            while not waiting.done() and not is_told():
                await asyncio.wait({waiting}, timeout=_LOOK_S)
        finally:
            waiting.cancel()
