"""Inventory: every item is picked by itself."""

from __future__ import annotations

from midday_worker import JobContext, JobRequest, Payload, job
from midday_worker.demo.orders.order import Item, Order


class Picked(Payload):
    """Pieces taken from the shelf."""

    sku: str
    quantity: int


class Reservation(Payload):
    """All pieces of an order."""

    order_id: str
    pieces: int


@job("pick-item", queue="inventory")
async def pick_item_job(data: Item, ctx: JobContext) -> Picked:
    """Take one item's pieces."""
    return Picked(sku=data.sku, quantity=data.quantity)


@job("reserve-inventory", queue="inventory")
async def reserve_inventory_job(data: Order, ctx: JobContext) -> Reservation:
    """Count the pieces that were picked."""
    picked = await ctx.children_results(pick_item_job)
    return Reservation(order_id=data.order_id, pieces=sum(each.quantity for each in picked))


def inventory_node(order: Order) -> JobRequest:
    """Return this part of the order's flow."""
    return reserve_inventory_job.node(order, children=[pick_item_job.node(item) for item in order.items])
