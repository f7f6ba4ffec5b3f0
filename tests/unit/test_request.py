"""`JobRequest`: a tree of validated jobs."""

from __future__ import annotations

import pytest

from midday_worker import BulkItem, JobContext, JobRegistry, OptionError, PayloadError, job
from midday_worker.testing import recording_client
from tests.unit.sample import REGISTRY, Parcel, pack, ship, weigh

PARCEL = Parcel(order_id="o1")


@job("loose", registry=JobRegistry())
async def loose(data: dict[str, object], ctx: JobContext) -> None: ...


def test_a_tree_is_walked_parents_first() -> None:
    root = ship.node(PARCEL, children=[pack.node(PARCEL, children=[weigh.node(PARCEL)]), weigh.node(PARCEL)])

    assert [request.name for request in root.tree()] == ["ship", "pack", "weigh", "weigh"]
    assert len(REGISTRY) == 3


def test_a_value_that_would_come_back_as_another_is_refused_wherever_it_stands() -> None:
    root = ship.node(PARCEL, children=[loose.node({"pair": (1, 2)})])

    with pytest.raises(PayloadError, match="job 'loose': pair: the value doesn't survive JSON"):
        root.check_travels()
    pack.node(PARCEL).check_travels()


def test_a_payload_beyond_the_limit_is_refused_wherever_it_stands() -> None:
    small, large = weigh.node(PARCEL), pack.node(Parcel(order_id="ö" * 100))

    with pytest.raises(PayloadError, match=r"job 'pack': it has \d+ bytes as JSON; MAX_PAYLOAD_BYTES allows 100"):
        ship.node(PARCEL, children=[small, large]).check_stored(100)
    ship.node(PARCEL, children=[small]).check_stored(100)


async def test_a_batch_that_asks_for_one_id_twice_is_refused() -> None:
    """Only the first would be added, and the second payload would vanish."""

    @job("count", registry=JobRegistry())
    async def count(data: int, ctx: JobContext) -> int:
        return data

    first: BulkItem[int] = {"payload": 1, "options": {"job_id": "parcel-1"}}
    same: BulkItem[int] = {"payload": 2, "options": {"job_id": "parcel-1"}}
    other: BulkItem[int] = {"payload": 2, "options": {"job_id": "parcel-2"}}
    async with recording_client() as client:
        with pytest.raises(OptionError, match="Two jobs of the batch on queue 'default' have the job_id 'parcel-1'"):
            await count.batch_trigger([first, same])
        client.assert_nothing_triggered()
        assert len(await count.batch_trigger([first, other])) == 2
