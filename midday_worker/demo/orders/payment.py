"""Payment: two checks side by side, then the receipt."""

from __future__ import annotations

from decimal import Decimal

from midday_worker import JobContext, JobRequest, NonRetryableError, Payload, job
from midday_worker.demo.orders.order import Order


class Charge(Payload):
    """The money that was taken."""

    amount: Decimal
    currency: str


class Receipt(Payload):
    """The payment of an order."""

    order_id: str
    paid: Decimal


@job("check-card", queue="payments", attempts=3)
async def check_card_job(data: Order, ctx: JobContext) -> str:
    """Return the card's number as it may be shown."""
    return f"**** {data.card.number[-4:]}"


@job("charge-card", queue="payments", attempts=3)
async def charge_card_job(data: Order, ctx: JobContext) -> Charge:
    """Take the money. A card that can't pay it can't at the next attempt either."""
    if data.total > data.card.limit:
        raise NonRetryableError(f"The card's limit is {data.card.limit}, the order costs {data.total}.")
    return Charge(amount=data.total, currency=data.currency)


@job("take-payment", queue="payments")
async def take_payment_job(data: Order, ctx: JobContext) -> Receipt:
    """Write the receipt, once the card has been charged."""
    charges = await ctx.children_results(charge_card_job)
    return Receipt(order_id=data.order_id, paid=sum((charge.amount for charge in charges), Decimal(0)))


def payment_node(order: Order) -> JobRequest:
    """Return this part of the order's flow."""
    return take_payment_job.node(order, children=[check_card_job.node(order), charge_card_job.node(order)])
