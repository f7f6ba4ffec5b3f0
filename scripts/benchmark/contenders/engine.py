"""The bare engine: its worker with a handler that only counts; no schema, no context, no service around it."""

from __future__ import annotations

import asyncio
import signal
import time
from typing import cast

import uvloop

from midday_worker.engine.job.job import Job
from midday_worker.engine.redis.connection import Connection, RedisConfig, connect
from midday_worker.engine.worker.worker import Worker, WorkerConfig
from scripts.benchmark.contenders.program import Orders


async def main(orders: Orders) -> None:
    """Work the queue until SIGTERM."""
    ledger = orders.ledger()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    orders.wait_for_go()

    async def process(job: Job) -> str:
        started = time.monotonic_ns()
        if orders.wait_s:
            await asyncio.sleep(orders.wait_s)
        ledger.add(cast("dict[str, int]", job.data)["n"], started)
        return "null"

    redis = RedisConfig(orders.redis)
    connection = Connection(connect(redis))
    worker = Worker(WorkerConfig(queue=orders.queue, concurrency=orders.concurrency), process, connection, redis)
    running = asyncio.create_task(worker.run())
    await stop.wait()
    await worker.drain(5)
    await running
    await worker.close()
    await connection.close()


if __name__ == "__main__":
    uvloop.run(main(Orders.read()))
