"""Redis away: one line when it goes, one when it comes back, and tries in between that don't storm it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from loguru import logger
from redis.exceptions import RedisError

from midday_worker.engine.translation import UNREACHABLE

T = TypeVar("T")

_FIRST_S: Final = 0.1
_LONGEST_S: Final = 3.0


class Outage:
    """Repeats what fails for want of Redis, with capped exponential backoff and jitter."""

    def __init__(self, who: str) -> None:
        self._who = who
        self._failures = 0

    @property
    def ongoing(self) -> bool:
        """Whether the last try failed."""
        return self._failures > 0

    async def survive(self, step: Callable[[], Awaitable[T]], stop: asyncio.Event) -> T | None:
        """Run one step until it succeeds; None when `stop` is set first."""
        while True:
            try:
                outcome = await step()
            except (RedisError, *UNREACHABLE) as error:
                if stop.is_set():
                    return None
                self._note_failure(error)
                await self._pause(stop)
            else:
                self._note_success()
                return outcome

    def _note_failure(self, error: Exception) -> None:
        if self._failures == 0:
            logger.error("{who}: Redis does not answer as it should, trying again: {error}", who=self._who, error=error)
        self._failures += 1

    def _note_success(self) -> None:
        if self._failures:
            logger.info("{who}: Redis is back", who=self._who)
            self._failures = 0

    async def _pause(self, stop: asyncio.Event) -> None:
        longest = min(_LONGEST_S, _FIRST_S * 2 ** min(self._failures, 10))
        seconds = longest * (0.5 + random.random() / 2)  # noqa: S311 - jitter, not a secret
        try:
            await asyncio.wait_for(stop.wait(), seconds)
        except TimeoutError:
            return
