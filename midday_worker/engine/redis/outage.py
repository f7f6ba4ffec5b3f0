"""Redis away: one line per process when it goes, one when it is back, and tries in between that don't storm it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from loguru import logger
from redis.exceptions import RedisError

from midday_worker.engine.redis.condition import explained, meaning_of
from midday_worker.engine.redis.error_translation import UNREACHABLE, is_unreachable
from midday_worker.engine.redis.pause import pause
from midday_worker.errors import EngineError

T = TypeVar("T")


class Outage:
    """What all that use one Redis in this process know of its being away. Safe to use from several threads.

    Args:
        where: the server, as it is named in log lines: its URL without the password.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._lock = threading.Lock()
        self._failures: dict[str, int] = {}
        self._back_at = 0.0
        self._said: set[str] = set()

    def failures(self, who: str) -> int:
        """Return how often in a row `who` has failed; 0 after a success."""
        return self._failures.get(who, 0)

    async def survive(self, who: str, step: Callable[[], Awaitable[T]], stop: asyncio.Event) -> T | None:
        """Run one step of `who` until it succeeds; None when `stop` is set first."""
        while True:
            started = time.monotonic()
            try:
                outcome = await step()
            except (RedisError, *UNREACHABLE) as error:
                if stop.is_set():
                    return None
                self.note_failure(who, error, started)
                await pause(self.failures(who), stop)
            else:
                if not stop.is_set():  # what was cut short says nothing of Redis
                    self.note_success(who)
                return outcome

    def note_failure(self, who: str, error: Exception, started: float) -> None:
        """Take note that what `who` began at `started`, in the seconds of `time.monotonic`, has failed.

        Where Redis is there and can't be used, each reason for that is said too, once in an outage.
        """
        if isinstance(error, EngineError) and isinstance(error.__cause__, Exception):
            error = error.__cause__
        is_reason = not is_unreachable(error)
        kind = meaning_of(error) or type(error).__name__
        with self._lock:
            # What began before Redis came back tells of the outage that is over: a blocking call that never returned.
            is_news = not self._failures and started > self._back_at
            if self._failures or is_news:
                self._failures[who] = self._failures.get(who, 0) + 1
            is_reason = is_reason and bool(self._failures) and kind not in self._said
            if is_reason:
                self._said.add(kind)
        if is_news:
            logger.error(
                "Redis at {where} does not answer as it should; every queue tries again until it does: {error}",
                where=self._where,
                error=explained(error),
            )
        elif is_reason:
            logger.error("Redis at {where} can't be used: {error}", where=self._where, error=explained(error))
        else:
            logger.debug("{who}: {error}", who=who, error=error)

    def note_success(self, who: str) -> None:
        """Take note that Redis has done what `who` asked for."""
        if not self._failures:  # the usual case, without the lock
            return
        with self._lock:
            is_news = self._failures.pop(who, None) is not None and not self._failures
            if is_news:
                self._back_at = time.monotonic()
                self._said.clear()
        if is_news:
            logger.info("Redis at {where} is back", where=self._where)
