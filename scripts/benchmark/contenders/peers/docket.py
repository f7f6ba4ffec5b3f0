"""docket (pydocket), with its defaults but for a check every 5 ms.

At most so many adds go on at once: its pool refuses more connections.
"""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

from docket import Docket, Worker

from scripts.benchmark.contenders.program import TEXT, Orders, produce, role

ORDERS = Orders.read()
ADDS_AT_ONCE = 32
LEDGER = ORDERS.ledger()


async def item(n: int, text: str) -> None:
    started = time.monotonic_ns()
    if ORDERS.wait_s:
        await asyncio.sleep(ORDERS.wait_s)
    LEDGER.add(n, started)


async def work() -> None:
    ORDERS.wait_for_go()
    async with Docket(name=ORDERS.queue, url=ORDERS.redis) as docket:
        docket.register(item)
        checks = timedelta(milliseconds=5)
        async with Worker(
            docket, concurrency=ORDERS.concurrency, minimum_check_interval=checks, scheduling_resolution=checks
        ) as worker:
            await worker.run_forever()


async def add_jobs() -> None:
    async with Docket(name=ORDERS.queue, url=ORDERS.redis) as docket:
        docket.register(item)

        free = asyncio.Semaphore(ADDS_AT_ONCE)

        async def add(number: int) -> None:
            async with free:
                await docket.add(item)(number, TEXT)

        await produce(add)


if __name__ == "__main__":
    asyncio.run(work() if role() == "work" else add_jobs())
