"""Shipping: weigh the parcel, book a carrier, print the label."""

from __future__ import annotations

import hashlib
from typing import Final

from midday_worker import JobContext, JobRequest, Payload, RetryAfter, job
from midday_worker.demo.orders.order import Order

LATE_CARRIER: Final = "overnight-post"
"""It answers at the second call only, so that the demo has something to try again."""


class Label(Payload):
    """What is stuck on the parcel."""

    order_id: str
    carrier: str
    tracking: str
    weight_g: int


@job("weigh-parcel", queue="shipping")
async def weigh_parcel_job(data: Order, ctx: JobContext) -> int:
    """Return the order's weight in grams."""
    return sum(item.quantity * item.weight_g for item in data.items)


@job("book-carrier", queue="shipping", attempts=3)
async def book_carrier_job(data: Order, ctx: JobContext) -> str:
    """Return the tracking number."""
    if data.carrier == LATE_CARRIER and ctx.job.attemptsMade == 0:
        raise RetryAfter("300ms", f"{LATE_CARRIER} does not answer yet")
    digest = hashlib.sha256(f"{data.carrier}/{data.order_id}".encode()).hexdigest()
    return f"{data.carrier[:2].upper()}{digest[:10]}"


@job("arrange-shipping", queue="shipping")
async def arrange_shipping_job(data: Order, ctx: JobContext) -> Label:
    """Print the label from the weight and the tracking number."""
    (weight_g,) = await ctx.children_results(weigh_parcel_job)
    (tracking,) = await ctx.children_results(book_carrier_job)
    return Label(order_id=data.order_id, carrier=data.carrier, tracking=tracking, weight_g=weight_g)


def shipping_node(order: Order) -> JobRequest:
    """Return this part of the order's flow."""
    return arrange_shipping_job.node(order, children=[weigh_parcel_job.node(order), book_carrier_job.node(order)])
