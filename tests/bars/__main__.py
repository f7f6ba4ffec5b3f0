"""``python -m tests.bars``: the engine's bars, with figures, as a Markdown table."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import uvloop
from loguru import logger

from midday_worker.testing import RedisServer
from tests.bars.bar import Bar, table
from tests.bars.clockwork import delays, fires, rate_limit
from tests.bars.following import cancels, waiters
from tests.bars.idle import commands, pick_up


def main() -> int:
    """Measure, print, and return 1 if a bar was missed."""
    parser = argparse.ArgumentParser(prog="scripts/bars", description=__doc__)
    parser.add_argument("--idle", type=float, default=60, help="seconds of idleness before a job is picked up (60)")
    parser.add_argument("--fires", type=int, default=200, help="of every=300ms (200)")
    given = parser.parse_args()
    logger.remove()

    async def measured() -> list[Bar]:
        return [bar async for bar in measure(given.idle, given.fires)]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        bars = runner.run(measured())
    sys.stdout.write(table(bars))
    return 0 if all(bar.held for bar in bars) else 1


async def measure(idle_s: float, count: int) -> AsyncIterator[Bar]:
    """Measure one bar after the other, so that none disturbs the next."""
    with RedisServer() as server, tempfile.TemporaryDirectory() as folder:
        yield await pick_up(server, idle_s)
        yield await delays(server)
        yield await fires(server, count)
        yield await rate_limit(server)
        yield await cancels(server)
        yield await waiters(server)
        yield await commands(server, idle_s, Path(folder))


if __name__ == "__main__":
    sys.exit(main())
