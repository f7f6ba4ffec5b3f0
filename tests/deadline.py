"""Waiting for something to become true, with a deadline; for what tells nobody when it happens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

LOOK_EVERY_S = 0.02


async def eventually(check: Callable[[], Awaitable[object]], what: str, within_s: float = 30.0) -> None:
    """Look until `check` returns something true; fail with its last answer after the deadline."""
    deadline = time.monotonic() + within_s
    while not (answer := await check()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s:g} s: {what} (last answer: {answer!r})")
        await asyncio.sleep(LOOK_EVERY_S)
