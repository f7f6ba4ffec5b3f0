"""`UndoneRetry`: sends again what a node of a cluster has not done, as a slot moves or a node is replaced."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar, cast

from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from midday_worker.engine.redis.pause import pause_s
from midday_worker.engine.transport import UNDONE, NeverSentTimeoutError

T = TypeVar("T")

_PART: Final = 0.8
"""Of a command's time limit: the error then tells that nothing was done, and not that time was up."""


class UndoneRetry(Retry):
    """redis-py's way to try again, on its own connections and ours, for clients of a cluster.

    Nothing else is tried again: of any other error it isn't known that nothing was done.

    Args:
        command_timeout_s: how long a command may take in all.
    """

    def __init__(self, command_timeout_s: float) -> None:
        super().__init__(NoBackoff(), 0, UNDONE)
        self._seconds = _PART * command_timeout_s

    async def call_with_retry(
        self,
        do: Callable[[], Awaitable[T]],
        fail: Callable[..., Awaitable[object]],
        is_retryable: Callable[[Exception], bool] | None = None,
        with_failure_count: bool = False,
    ) -> T:
        """Do something until it is done, with growing pauses.

        Raises NeverSentTimeoutError when a node has refused it for so long.
        """
        until, failures = time.monotonic() + self._seconds, 0
        while True:
            try:
                return await do()
            except cast(
                "tuple[type[Exception], ...]", self._supported_errors
            ) as error:  # a pool's `retry_on_error`, too
                failures += 1
                await fail(error, *((failures,) if with_failure_count else ()))  # which closes the connection
                left_s = until - time.monotonic()
                if not isinstance(error, UNDONE):
                    raise
                if left_s <= 0:
                    raise NeverSentTimeoutError(f"the cluster refuses it for now: {error}") from error
            await asyncio.sleep(min(left_s, pause_s(failures - 1)))
