"""This library, everything on as shipped: `midday-worker run` imports this module; run as a program, it adds jobs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from pydantic import SecretStr

from midday_worker import BulkItem, JobClient, JobContext, JobHandle, Settings, results
from scripts.benchmark.contenders.item import LEDGER, ORDERS, Item, define
from scripts.benchmark.contenders.program import TEXT, produce


async def handle(data: Item, ctx: JobContext) -> None:
    """Note the number, after waiting if so ordered."""
    started = time.monotonic_ns()
    if ORDERS.wait_s:
        await asyncio.sleep(ORDERS.wait_s)
    LEDGER.add(data.n, started)


item = define(handle)


async def main() -> None:
    """Add jobs as ordered."""
    settings = Settings(environment="production", redis_url=SecretStr(ORDERS.redis))
    async with JobClient(settings) as client:

        async def add(number: int) -> None:
            await item.trigger(Item(n=number, text=TEXT), client=client)

        async def add_all(numbers: Sequence[int]) -> Sequence[JobHandle[None]]:
            items: list[BulkItem[Item]] = [{"payload": Item(n=number, text=TEXT)} for number in numbers]
            return await item.batch_trigger(items, client=client)

        async def await_all(numbers: Sequence[int]) -> None:
            await results(await add_all(numbers))

        await produce(add, add_all, await_all)


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
else:
    ORDERS.wait_for_go()
