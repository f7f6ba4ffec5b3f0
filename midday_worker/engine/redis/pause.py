"""The pauses of who waits for Redis, between one try and the next: the same for all, so that nobody storms it."""

from __future__ import annotations

import asyncio
import math
import random
import time
from typing import Final

FIRST_S: Final = 0.1
LONGEST_S: Final = 2.0


def pause_s(failures: int) -> float:
    """Return how long to pause after so many failures in a row: longer each time up to a limit, spread by chance."""
    longest = min(LONGEST_S, FIRST_S * 2.0 ** min(failures, 10))
    return longest * (0.5 + random.random() / 2)  # noqa: S311 - jitter, not a secret


async def pause(failures: int, stop: asyncio.Event, until: float = math.inf) -> None:
    """Pause after so many failures in a row, or until `stop` is set.

    Args:
        failures: how many there were.
        stop: ends the pause.
        until: in the seconds of `time.monotonic`, when it ends at the latest.
    """
    try:
        await asyncio.wait_for(stop.wait(), min(pause_s(failures), max(0.0, until - time.monotonic())))
    except TimeoutError:
        return
