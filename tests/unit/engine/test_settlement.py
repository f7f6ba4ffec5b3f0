"""How a job's end is stored when Redis can't, on a backend that only remembers."""

from __future__ import annotations

from typing import cast

import pytest
from redis.exceptions import ConnectionError, ReadOnlyError, ResponseError

from midday_worker.engine.backend import Backend
from midday_worker.engine.job import Job
from midday_worker.engine.settlement import Settlement

IN_A_SCRIPT = "Error running script: @user_script:324: -READONLY You can't write against a read only replica."


class Door:
    """A backend and a job in one. Raises these errors, one for each try to store a success."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.stored: list[str] = []
        self.id, self.token, self.name = "j1", "t", "default"
        self.opts: dict[str, object] = {}

    async def moveToCompleted(self, *args: object, **kwargs: object) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.stored.append("completed")

    async def moveToFailed(self, *args: object) -> None:
        self.stored.append("failed")


async def settle(door: Door, patience_ms: int) -> None:
    settlement = Settlement(cast("Backend", door), patience_ms)
    await settlement.success(1)(cast("Job", door))


@pytest.mark.parametrize(
    "error", [ConnectionError("gone"), ReadOnlyError("READONLY"), ResponseError(IN_A_SCRIPT)], ids=repr
)
async def test_a_success_is_stored_once_redis_can_again(error: Exception) -> None:
    door = Door(error)
    await settle(door, 5_000)
    assert door.stored == ["completed"]


@pytest.mark.parametrize("error", [ConnectionError("gone"), ResponseError(IN_A_SCRIPT)], ids=repr)
async def test_a_success_that_redis_could_not_store_is_not_stored_as_a_failure(error: Exception) -> None:
    """What the handler did has been done: the job waits for its lock to expire."""
    door = Door(error, error, error)
    await settle(door, 0)
    assert door.stored == []


async def test_what_the_engine_refuses_fails_the_job() -> None:
    door = Door(TypeError("Job j1 has pending dependencies"))
    await settle(door, 0)
    assert door.stored == ["failed"]
