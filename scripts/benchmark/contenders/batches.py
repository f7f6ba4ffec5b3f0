"""This library's batch handlers: `midday-worker run` imports this module; its jobs are added by `ours`."""

from __future__ import annotations

import time

from midday_worker import BatchContext, BatchOptions, job
from scripts.benchmark.contenders.item import LEDGER, ORDERS, Item

SIZE = 100


@job("item", queue=ORDERS.queue, batch=BatchOptions(max_size=SIZE))
async def handle(data: list[Item], ctx: BatchContext) -> list[None]:
    """Note the numbers."""
    started = time.monotonic_ns()
    for item in data:
        LEDGER.add(item.n, started)
    return [None] * len(data)


ORDERS.wait_for_go()
