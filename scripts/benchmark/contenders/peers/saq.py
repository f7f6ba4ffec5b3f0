"""SAQ, with its defaults."""

from __future__ import annotations

import asyncio
import time

from saq import Queue, Worker
from saq.types import Context

from scripts.benchmark.contenders.program import TEXT, Orders, produce, role

ORDERS = Orders.read()
LEDGER = ORDERS.ledger()


async def item(ctx: Context, *, n: int, text: str) -> None:
    started = time.monotonic_ns()
    if ORDERS.wait_s:
        await asyncio.sleep(ORDERS.wait_s)
    LEDGER.add(n, started)


async def work() -> None:
    ORDERS.wait_for_go()
    queue = Queue.from_url(ORDERS.redis, name=ORDERS.queue)
    await queue.connect()
    await Worker(queue, functions=[("item", item)], concurrency=ORDERS.concurrency).start()


async def add_jobs() -> None:
    queue = Queue.from_url(ORDERS.redis, name=ORDERS.queue)
    await queue.connect()

    async def add(number: int) -> None:
        await queue.enqueue("item", n=number, text=TEXT)

    await produce(add)


if __name__ == "__main__":
    asyncio.run(work() if role() == "work" else add_jobs())
