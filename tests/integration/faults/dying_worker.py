"""A worker process that is killed as soon as it runs a job: `dying_worker ENGINE URL PREFIX`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import Final

from tests.integration.faults.engine import Terms
from tests.integration.faults.engines import ENGINES

LOCK_MS: Final = 600


async def die(data: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def main(engine: str, url: str, prefix: str) -> None:
    async with ENGINES[engine](url, prefix).working(die, Terms(lock_ms=LOCK_MS)):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
