"""What is refused of a flow before it is written."""

from __future__ import annotations

import pytest

from midday_worker.engine.producer.flow import check_flow
from midday_worker.errors import FlowError
from tests.unit.sample import Parcel, pack, ship, weigh

PARCEL = Parcel(order_id="o1")


def test_two_nodes_of_one_queue_may_not_have_the_same_id() -> None:
    root = ship.node(PARCEL, children=[pack.node(PARCEL, job_id="a"), weigh.node(PARCEL, job_id="a")])

    with pytest.raises(FlowError, match="Two nodes of the flow on queue 'warehouse' have the same job_id, 'a'"):
        check_flow(root)


def test_nodes_of_different_queues_may() -> None:
    check_flow(ship.node(PARCEL, job_id="a", children=[pack.node(PARCEL, job_id="a"), weigh.node(PARCEL)]))


def test_a_node_with_deduplication_would_strand_its_parent() -> None:
    child = pack.node(PARCEL, deduplication={"id": "once"})

    with pytest.raises(FlowError, match="Job 'pack' is part of a flow and has deduplication"):
        check_flow(ship.node(PARCEL, children=[child]))
