"""The job of this library's contenders: its payload, and its definition around a handler."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from midday_worker import JobContext, JobDefinition, Payload, job
from scripts.benchmark.contenders.program import Orders

ORDERS = Orders.read()
LEDGER = ORDERS.ledger()


class Item(Payload):
    """A small payload."""

    n: int
    text: str


def define(handle: Callable[[Item, JobContext], Awaitable[None]]) -> JobDefinition[Item, None]:
    """Define the job, with the retention that others get too."""
    return job(
        "item",
        Item,
        handle,
        queue=ORDERS.queue,
        remove_on_complete={"count": ORDERS.keep, "age": "1d"},
        remove_on_fail={"count": 10_000, "age": "7d"},
    )
