"""taskiq with taskiq-redis; BENCH_BROKER is "list" or "stream". Without a result backend, which is its default."""

from __future__ import annotations

import asyncio
import os
import time

from taskiq.api import run_receiver_task
from taskiq_redis import ListQueueBroker, RedisStreamBroker

from scripts.benchmark.contenders.program import TEXT, Orders, produce, role

ORDERS = Orders.read()
LEDGER = ORDERS.ledger()
BROKER = {"list": ListQueueBroker, "stream": RedisStreamBroker}[os.environ["BENCH_BROKER"]](
    ORDERS.redis, queue_name=ORDERS.queue
)


@BROKER.task(task_name="item")
async def item(n: int, text: str) -> None:
    started = time.monotonic_ns()
    if ORDERS.wait_s:
        await asyncio.sleep(ORDERS.wait_s)
    LEDGER.add(n, started)


async def work() -> None:
    ORDERS.wait_for_go()
    BROKER.is_worker_process = True
    await run_receiver_task(BROKER, max_async_tasks=ORDERS.concurrency, run_startup=True)


async def add_jobs() -> None:
    await BROKER.startup()

    async def add(number: int) -> None:
        await item.kiq(number, TEXT)

    await produce(add)


if __name__ == "__main__":
    asyncio.run(work() if role() == "work" else add_jobs())
