"""Batch handlers that a type checker must refuse: each marked line, and no other. Never run."""

from __future__ import annotations

from midday_worker import BatchContext, BatchDefinition, BatchOptions, JobContext, Payload, job
from midday_worker.testing import run_batch


class Order(Payload):
    order_id: str


class Other(Payload):
    other_id: str


async def handle(data: list[Order], ctx: BatchContext) -> list[int | Exception]:
    return [1 for _ in data]


async def handle_one(data: Order, ctx: JobContext) -> int:
    return 1


async def handle_without_list(data: list[Order], ctx: BatchContext) -> int:
    return 1


async def handle_with_wrong_context(data: list[Order], ctx: JobContext) -> list[int]:
    return [1 for _ in data]


right = job("right", Order, handle, batch=BatchOptions(max_size=3), attempts=3)
one = job("one", Order, handle_one)
job("other-model", Other, handle, batch=BatchOptions())  # error: the handler takes another model
job("one-payload", Order, handle_one, batch=BatchOptions())  # error: a batch handler takes a list
job("no-list", Order, handle_without_list, batch=BatchOptions())  # error: a batch handler returns a list
job("context", Order, handle_with_wrong_context, batch=BatchOptions())  # error: the second is a batch's context
job("no-batch", Order, handle)  # error: without batch= a handler takes one payload
job("number", Order, handle, batch=100)  # error: no BatchOptions
job("misspelt", Order, handle, batch=BatchOptions(), attemps=3)  # error: misspelt option
text: BatchDefinition[Order, str] = job("text", Order, handle, batch=BatchOptions())  # error: another result
BatchOptions(max_sise=3)  # error: misspelt option


@job("decorator-of-one", batch=BatchOptions())  # error: a batch handler takes a list
async def decorated(data: Order, ctx: BatchContext) -> list[int]:
    return [1]


async def calls() -> object:
    await right.trigger([Order(order_id="o1")])  # error: jobs are triggered one by one
    await right.trigger(Other(other_id="o1"))  # error: another model
    await run_batch(right, [Other(other_id="o1")])  # error: another model
    await run_batch(one, [Order(order_id="o1")])  # error: no batch handler
    numbers: list[int] = await run_batch(right, [Order(order_id="o1")])  # error: or exceptions
    return numbers
