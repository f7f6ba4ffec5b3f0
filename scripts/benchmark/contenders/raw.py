"""BullMQ's Python port as it is, but for a socket timeout longer than its blocking calls: without, it goes deaf."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Sequence
from typing import cast

from bullmq import Job, Queue, Worker

from scripts.benchmark.contenders.program import TEXT, Orders, produce, role

SOCKET_TIMEOUT_S = 60


def options(keep: int) -> dict[str, object]:
    """Return the options that this library's jobs have."""
    return {
        "attempts": 3,
        "backoff": {"type": "exponential", "delay": 2_000, "jitter": 0.5},
        "removeOnComplete": {"count": keep, "age": 86_400},
        "removeOnFail": {"count": 10_000, "age": 604_800},
    }


def connection(orders: Orders) -> dict[str, object]:
    """Return redis-py's arguments."""
    return {"host": "127.0.0.1", "port": orders.port, "socket_timeout": SOCKET_TIMEOUT_S}


async def add_jobs(orders: Orders) -> None:
    """Add jobs as ordered."""
    queue = Queue(orders.queue, {"connection": connection(orders)})
    job_options = options(orders.keep)

    async def add(number: int) -> None:
        await queue.add("item", {"n": number, "text": TEXT}, job_options)

    async def add_all(numbers: Sequence[int]) -> None:
        await queue.addBulk(
            [{"name": "item", "data": {"n": number, "text": TEXT}, "opts": job_options} for number in numbers]
        )

    await produce(add, add_all)
    await queue.close()


async def work(orders: Orders) -> None:
    """Work the queue until SIGTERM."""
    ledger = orders.ledger()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    orders.wait_for_go()

    async def process(job: Job, _token: str) -> None:
        started = time.monotonic_ns()
        if orders.wait_s:
            await asyncio.sleep(orders.wait_s)
        ledger.add(cast("dict[str, int]", job.data)["n"], started)

    worker = Worker(
        orders.queue,
        process,
        {
            "connection": connection(orders),
            "concurrency": orders.concurrency,
            "metrics": {"maxDataPoints": 20_160},
        },
    )
    await stop.wait()
    await worker.close()


if __name__ == "__main__":
    asyncio.run(work(Orders.read()) if role() == "work" else add_jobs(Orders.read()))
