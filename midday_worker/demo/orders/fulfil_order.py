"""The top of an order's flow: it runs when payment, inventory and shipping are through."""

from __future__ import annotations

from decimal import Decimal

from midday_worker import JobContext, Payload, job
from midday_worker.demo.orders.inventory import reserve_inventory_job
from midday_worker.demo.orders.order import Order
from midday_worker.demo.orders.payment import take_payment_job
from midday_worker.demo.orders.shipping import arrange_shipping_job


class FulfilledOrder(Payload):
    """What became of an order."""

    order_id: str
    paid: Decimal
    pieces: int
    tracking: str


@job("fulfil-order", queue="orders")
async def fulfil_order_job(data: Order, ctx: JobContext) -> FulfilledOrder:
    """Put together what the three branches returned."""
    (receipt,) = await ctx.children_results(take_payment_job)
    (reservation,) = await ctx.children_results(reserve_inventory_job)
    (label,) = await ctx.children_results(arrange_shipping_job)
    return FulfilledOrder(order_id=data.order_id, paid=receipt.paid, pieces=reservation.pieces, tracking=label.tracking)
