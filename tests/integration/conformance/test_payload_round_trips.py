"""Payloads from Python through Redis and Node and back: equal, whatever they hold."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import cast

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from midday_worker import JobRegistry, Payload, job
from tests.integration.conformance.bridge import QUEUE, Bridge

SAFE = 2**53 - 1


class Size(Enum):
    SMALL = "klein ß"
    LARGE = "大"


class Line(Payload):
    unit_price: Decimal
    amount: int
    weight_in_kg: float
    size: Size | None


class Order(Payload):
    placed_at: datetime
    due: date | None
    outage_retries: timedelta
    lines: list[Line]
    notes: dict[str, object]


SAFE_INTEGERS = st.integers(-SAFE, SAFE)
TEXTS = st.text(st.characters(codec="utf-8"))
# Whole floats beyond 2^53 come back as integers: as equal to them as JSON allows only where the schema says float.
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
SMALL_FLOATS = st.floats(-SAFE, SAFE)
JSON = st.recursive(
    st.none() | st.booleans() | SAFE_INTEGERS | SMALL_FLOATS | TEXTS,
    lambda values: st.lists(values, max_size=4) | st.dictionaries(TEXTS, values, max_size=4),
    max_leaves=12,
)
LINES = st.builds(
    Line,
    unitPrice=st.integers(-(10**12), 10**12).map(lambda cents: Decimal(cents).scaleb(-4)),
    amount=SAFE_INTEGERS,
    weightInKg=FLOATS,
    size=st.none() | st.sampled_from(Size),
)
ORDERS = st.builds(
    Order,
    placedAt=st.datetimes(timezones=st.just(UTC)),
    due=st.none() | st.dates(),
    outage_retries=st.timedeltas(timedelta(0), timedelta(days=10_000)),
    lines=st.lists(LINES, max_size=3),
    notes=st.dictionaries(TEXTS, JSON, max_size=4),
)


@given(orders=st.lists(ORDERS, min_size=20, max_size=40))
@settings(
    max_examples=5,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
async def test_a_payload_comes_back_from_node_as_it_was(orders: list[Order], bridge: Bridge) -> None:
    async def never_run(data: Order) -> None:
        raise NotImplementedError

    definition = job("order", Order, lambda data, ctx: never_run(data), queue=QUEUE, registry=JobRegistry())
    handles = await definition.batch_trigger([{"payload": order} for order in orders], client=bridge.client)
    ids = [handle.id for handle in handles]
    back = cast("list[str]", await bridge.peer.ask("relay", QUEUE, jobs=ids, to="back"))
    found = [await bridge.client.find("back", job_id) for job_id in back]
    assert [None if each is None else definition.schema.validate_wire(each.data) for each in found] == orders
