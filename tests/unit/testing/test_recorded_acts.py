"""Acts on a recorded job: its state follows, and what Redis would refuse is refused."""

from __future__ import annotations

import pytest

from midday_worker import (
    JobFailedError,
    JobHandle,
    JobNotFoundError,
    JobStateError,
    MiddayWorkerError,
    PayloadError,
)
from midday_worker.testing import RecordingClient, recording_client
from tests.unit.sample import Parcel, pack

PARCEL = Parcel(order_id="o1")


@pytest.fixture
def recording() -> RecordingClient:
    return recording_client()


async def test_the_state_follows_the_acts(recording: RecordingClient) -> None:
    handle = await pack.trigger(PARCEL, client=recording, delay="3d")
    await handle.reschedule("1d")
    await handle.promote()
    assert await handle.state() == "waiting"
    await handle.change_priority(3)
    assert await handle.state() == "prioritized"
    await handle.update_data(Parcel(order_id="o2"))
    await handle.remove()
    assert await handle.state() == "unknown"
    assert recording.done_to(handle) == (
        "rescheduled",
        "promoted",
        "given another priority",
        "given another payload",
        "removed",
    )
    recording.assert_triggered(pack, PARCEL, times=1)


async def test_what_the_state_does_not_allow_is_refused(recording: RecordingClient) -> None:
    handle = await pack.trigger(PARCEL, client=recording)
    with pytest.raises(JobStateError, match="can't be promoted: it is waiting"):
        await handle.promote()
    with pytest.raises(JobStateError, match="can't be retried: it is waiting"):
        await handle.retry()
    with pytest.raises(PayloadError):
        await handle.update_data({})
    assert recording.done_to(handle) == ()


async def test_a_removed_job_is_not_found(recording: RecordingClient) -> None:
    handle = await pack.trigger(PARCEL, client=recording)
    await handle.remove()
    with pytest.raises(JobNotFoundError):
        await handle.remove()
    unknown = JobHandle("other", "pack", "warehouse", recording, pack)
    with pytest.raises(JobNotFoundError):
        await unknown.promote()


async def test_a_cancelled_job_has_failed(recording: RecordingClient) -> None:
    handle = await pack.trigger(PARCEL, client=recording)
    assert await handle.cancel("not needed") == "cancelled"
    assert await handle.cancel("again") == "cancelled"
    assert await handle.state() == "failed"
    with pytest.raises(JobFailedError, match="cancelled: not needed"):
        await handle.result()
    assert recording.done_to(handle) == ("cancelled",)
    await handle.retry()
    assert await handle.state() == "waiting"
    with pytest.raises(MiddayWorkerError, match="nothing runs"):
        await handle.result()
