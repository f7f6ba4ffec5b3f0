"""Orders: a flow of three levels over four queues. `place-order` starts it."""

from midday_worker.demo.orders.fulfil_order import FulfilledOrder, fulfil_order_job
from midday_worker.demo.orders.order import Order
from midday_worker.demo.orders.place_order import PlacedOrder, place_order_job

__all__ = ["FulfilledOrder", "Order", "PlacedOrder", "fulfil_order_job", "place_order_job"]
