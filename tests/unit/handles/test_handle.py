"""`JobHandle`: what it makes of what the client finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import pytest

from midday_worker import JobFailedError, JobHandle, JobNotFoundError, JobResultTimeoutError, PayloadError, Settings
from midday_worker.client.client import JobClient
from midday_worker.engine.following.ending import Ending, ending_of
from midday_worker.engine.following.waiter import Waiter, ended
from midday_worker.engine.job.job import Job
from midday_worker.errors import DurationError
from midday_worker.queues import QueueLike
from midday_worker.testing import FakeJob
from tests.unit.sample import Label, pack


@dataclass
class Finished(FakeJob):
    """A job that has ended."""

    stacktrace: tuple[str, ...] = ()


class FakeClient(JobClient):
    """A client that finds one job, or none, or waits in vain."""

    def __init__(self, job: Finished | None = None, *, late: bool = False) -> None:
        super().__init__(Settings.model_construct())
        self._job = job
        self._late = late
        self.waits = 0

    async def find(self, queue: QueueLike, job_id: str) -> Job | None:
        """Return the job."""
        return cast("Job | None", self._job)

    async def state(self, queue: QueueLike, job_id: str) -> str:
        """Return a state."""
        return "active"

    def wait_for(self, queue: QueueLike, job_id: str, on_progress: Callable[[str], None] | None = None) -> Waiter:
        """Return a waiter for the job's end, which never comes if it is late."""
        self.waits += 1
        if self._late:
            return Waiter(job_id, lambda _: None)
        if self._job is None:
            return ended(job_id, Ending("missing", reason="it was trimmed"))
        return ended(job_id, ending_of(cast("Job", self._job), failed=self._job.failedReason is not None))


def handle(client: JobClient) -> JobHandle[Label]:
    return JobHandle("j1", "pack", "warehouse", client, pack)


async def test_a_result_is_validated_and_typed() -> None:
    client = FakeClient(Finished(None, returnvalue={"trackingId": "t1"}))

    assert await handle(client).result("30s") == Label(tracking_id="t1")


async def test_a_stored_result_of_another_type_is_refused() -> None:
    with pytest.raises(PayloadError, match="Invalid stored result for job 'pack'"):
        await handle(FakeClient(Finished(None, returnvalue="text"))).result()


async def test_a_failed_job_raises_its_reason() -> None:
    failed = Finished(None, failedReason="boom", attemptsMade=3, stacktrace=("trace",))

    with pytest.raises(JobFailedError, match=r"Job 'pack' \(j1, queue warehouse\) failed after 3 .*: boom") as failure:
        await handle(FakeClient(failed)).result()

    assert failure.value.stacktrace == ("trace",)


async def test_a_late_job_raises_with_its_state() -> None:
    with pytest.raises(JobResultTimeoutError, match="had not ended after 50 ms; its state was active") as failure:
        await handle(FakeClient(late=True)).result(50)

    assert failure.value.timeout_ms == 50


async def test_a_job_that_is_gone_is_not_found() -> None:
    with pytest.raises(JobNotFoundError, match="No job j1 in queue warehouse: it was trimmed") as caught:
        await handle(FakeClient()).result()
    assert caught.value.why == "it was trimmed"
    with pytest.raises(JobNotFoundError):
        await handle(FakeClient()).fetch()


async def test_a_job_and_its_state_can_be_looked_at() -> None:
    job = Finished(None, id="j1")

    assert await handle(FakeClient(job)).fetch() is cast("Job", job)
    assert await handle(FakeClient(job)).state() == "active"


async def test_a_wrong_timeout_is_refused_before_it_waits() -> None:
    client = FakeClient()

    with pytest.raises(DurationError, match="result's timeout is 'soon'"):
        await handle(client).result("soon")
    assert client.waits == 0


def test_handles_of_the_same_job_are_equal() -> None:
    assert handle(FakeClient()) == handle(FakeClient())
