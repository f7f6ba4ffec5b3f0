"""The fixture `recorded`: no trigger of a test reaches Redis."""

from __future__ import annotations

import asyncio

from midday_worker import JobClient, Settings
from midday_worker.client.client import current_client
from midday_worker.testing import RecordingClient
from tests.unit.sample import Parcel, pack

PARCEL = Parcel(order_id="o1")


async def test_triggers_of_the_test_are_recorded(recorded: RecordingClient) -> None:
    await pack.trigger(PARCEL)

    recorded.assert_triggered(pack, PARCEL, times=1)


def test_triggers_on_other_event_loops_are_recorded(recorded: RecordingClient) -> None:
    asyncio.run(_trigger())

    recorded.assert_triggered(pack, PARCEL, times=1)


async def test_it_goes_before_a_client_that_the_app_enters(recorded: RecordingClient) -> None:
    async with JobClient(Settings.model_construct()):
        await pack.trigger(PARCEL)

    recorded.assert_triggered(pack, times=1)


async def test_without_it_the_ordinary_client_is_back() -> None:
    async with JobClient(Settings.model_construct()) as client:
        assert current_client() is client


async def _trigger() -> None:
    await pack.trigger(PARCEL)
