"""How a job's end is stored when Redis can't, on a backend that only remembers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import pytest
from redis.exceptions import ConnectionError, ReadOnlyError, ResponseError

from midday_worker.engine.job.attempt import Attempt
from midday_worker.engine.job.job import Job
from midday_worker.engine.wire.fetched import NOTHING, Fetched
from midday_worker.engine.worker.job_scripts import Transitions
from midday_worker.engine.worker.settlement import Settlement

IN_A_SCRIPT = "Error running script: @user_script:324: -READONLY You can't write against a read only replica."


class Ended:
    """A job whose handler has returned, and that has no attempts left."""

    id, name, token, failedReason, attemptsMade = "j1", "pack", "t", "refused", 0
    opts: Mapping[str, object] = {}
    attempt = Attempt()
    deferredFailure, parked = None, 0

    def note_failure(self, error: BaseException) -> dict[str, str]:
        return {}

    def delay_before_next(self, error: BaseException) -> int | None:
        return None

    async def getIgnoredChildrenFailures(self) -> dict[str, str]:
        return {}


class FakeTransitions:
    """A queue's transitions that only remember. Raises these errors, one for each try to store a success."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.stored: list[str] = []

    async def complete(self, job: Job, result: str, *, fetch_next: bool) -> Fetched:
        if self.errors:
            raise self.errors.pop(0)
        self.stored.append("completed")
        return NOTHING

    async def fail(self, job: Job, reason: str, fields: Mapping[str, str], *, fetch_next: bool) -> Fetched:
        self.stored.append("failed")
        return NOTHING


async def settle(transitions: FakeTransitions, retry_ms: int) -> None:
    settlement = Settlement(cast("Transitions", transitions), "default", retry_ms, lambda: True)
    await settlement.success("1")(cast("Job", Ended()))


@pytest.mark.parametrize(
    "error", [ConnectionError("gone"), ReadOnlyError("READONLY"), ResponseError(IN_A_SCRIPT)], ids=repr
)
async def test_a_success_is_stored_once_redis_can_again(error: Exception) -> None:
    transitions = FakeTransitions(error)
    await settle(transitions, 5_000)
    assert transitions.stored == ["completed"]


@pytest.mark.parametrize("error", [ConnectionError("gone"), ResponseError(IN_A_SCRIPT)], ids=repr)
async def test_a_success_that_redis_could_not_store_is_not_stored_as_a_failure(error: Exception) -> None:
    """What the handler did has been done: the job waits for its lock to expire."""
    transitions = FakeTransitions(error, error, error)
    await settle(transitions, 0)
    assert transitions.stored == []


async def test_what_the_engine_refuses_fails_the_job() -> None:
    transitions = FakeTransitions(TypeError("Job j1 has pending dependencies"))
    await settle(transitions, 0)
    assert transitions.stored == ["failed"]
