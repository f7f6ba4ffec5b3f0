"""Placing an order starts its flow."""

from __future__ import annotations

from typing import Final

from midday_worker import JobContext, Payload, job
from midday_worker.demo.orders.fulfil_order import fulfil_order_job
from midday_worker.demo.orders.inventory import inventory_node
from midday_worker.demo.orders.order import Order
from midday_worker.demo.orders.payment import payment_node
from midday_worker.demo.orders.shipping import shipping_node

JOB_ID: Final = "place-order"


class PlacedOrder(Payload):
    """The job at the top of the order's flow."""

    fulfilment: str


async def handle(data: Order, ctx: JobContext) -> PlacedOrder:
    """Add the whole flow in one transaction: the leaves run first, on the queues of their own."""
    branches = [payment_node(data), inventory_node(data), shipping_node(data)]
    flow = await fulfil_order_job.trigger_flow(data, branches)
    return PlacedOrder(fulfilment=flow.id)


place_order_job = job(JOB_ID, Order, handle, queue="orders", attempts=3, timeout="20s")
