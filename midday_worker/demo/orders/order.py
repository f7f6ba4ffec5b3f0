"""An order, as it stands in the input."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from midday_worker import Payload


def _checked_card(number: str) -> str:
    digits = number.replace(" ", "")
    if not digits.isdecimal() or luhn_sum(digits) % 10:
        raise ValueError("the check digit is wrong")
    return number


def luhn_sum(digits: str) -> int:
    """Return what must be divisible by ten in a card's number (ISO/IEC 7812).

    >>> luhn_sum("4242424242424242") % 10
    0
    """
    doubled = [2 * int(digit) for digit in digits[-2::-2]]
    return sum(map(int, digits[-1::-2])) + sum(value - 9 if value > 9 else value for value in doubled)


class Item(Payload):
    """One line of an order."""

    sku: str = Field(min_length=3)
    quantity: int = Field(ge=1, strict=True)
    unit_price: Decimal = Field(gt=0, decimal_places=2)
    weight_g: int = Field(ge=1)


class Card(Payload):
    """What pays. Above its limit the charge is refused."""

    number: Annotated[str, AfterValidator(_checked_card)]
    limit: Decimal


class Order(Payload):
    """What was ordered, who pays, and who carries it where."""

    order_id: str = Field(pattern=r"^order_\d+$")
    currency: Literal["EUR", "SEK", "USD"]
    items: list[Item] = Field(min_length=1)
    card: Card
    carrier: Literal["parcel", "express", "overnight-post"]
    ship_to: str = Field(min_length=3)

    @property
    def total(self) -> Decimal:
        """What the order costs."""
        return sum((item.quantity * item.unit_price for item in self.items), Decimal(0))
