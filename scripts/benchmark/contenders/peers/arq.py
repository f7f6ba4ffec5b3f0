"""arq, with its defaults but for BENCH_POLL_MS: by default it polls twice a second."""

from __future__ import annotations

import asyncio
import os
import time

from arq import create_pool, func
from arq.connections import RedisSettings
from arq.worker import Worker

from scripts.benchmark.contenders.program import TEXT, Orders, produce, role

ORDERS = Orders.read()
SETTINGS = RedisSettings(port=ORDERS.port)
LEDGER = ORDERS.ledger()


async def item(ctx: dict[str, object], n: int, text: str) -> None:
    started = time.monotonic_ns()
    if ORDERS.wait_s:
        await asyncio.sleep(ORDERS.wait_s)
    LEDGER.add(n, started)


def work() -> None:
    ORDERS.wait_for_go()
    asyncio.set_event_loop(asyncio.new_event_loop())
    Worker(
        functions=[func(item, name="item")],
        redis_settings=SETTINGS,
        queue_name=ORDERS.queue,
        max_jobs=ORDERS.concurrency,
        poll_delay=float(os.environ.get("BENCH_POLL_MS", "500")) / 1000,
    ).run()


async def add_jobs() -> None:
    pool = await create_pool(SETTINGS, default_queue_name=ORDERS.queue)

    async def add(number: int) -> None:
        await pool.enqueue_job("item", number, TEXT)

    await produce(add)


if __name__ == "__main__":
    if role() == "work":
        work()
    else:
        asyncio.run(add_jobs())
