"""streaq, with its defaults."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from streaq import Worker

from scripts.benchmark.contenders.program import TEXT, Orders, produce, role

ORDERS = Orders.read()
LEDGER = ORDERS.ledger()
WORKER = Worker(redis_url=ORDERS.redis, queue_name=ORDERS.queue, concurrency=ORDERS.concurrency)


@WORKER.task
async def item(n: int, text: str) -> None:
    started = time.monotonic_ns()
    if ORDERS.wait_s:
        await asyncio.sleep(ORDERS.wait_s)
    LEDGER.add(n, started)


async def add_jobs() -> None:
    async with WORKER:

        async def add(number: int) -> None:
            await item.enqueue(number, TEXT)

        async def add_all(numbers: Sequence[int]) -> None:
            await WORKER.enqueue_many([item.enqueue(number, TEXT) for number in numbers])

        await produce(add, add_all)


if __name__ == "__main__":
    if role() == "work":
        ORDERS.wait_for_go()
        WORKER.run_sync()
    else:
        asyncio.run(add_jobs())
