"""An attempt: when it can be told to stop, and what it ends with then."""

from __future__ import annotations

import asyncio

import pytest

from midday_worker import JobCancelledError
from midday_worker.engine.job.attempt import Attempt, tell_all

WHY = JobCancelledError("cancelled: enough")


def this_task() -> asyncio.Task[None]:
    task = asyncio.current_task()
    assert task is not None
    return task


async def test_one_that_was_told_to_stop_before_its_handler_begins_does_not_begin_it() -> None:
    attempt = Attempt()
    attempt.stop(this_task(), WHY)

    assert not attempt.cancelled
    with pytest.raises(JobCancelledError, match="enough"):
        attempt.enter_handler()


async def test_whatever_a_handler_does_that_is_told_to_stop_it_ends_with_that() -> None:
    attempt = Attempt()
    attempt.enter_handler()
    attempt.stop(this_task(), WHY)
    assert attempt.cancelled
    with pytest.raises(asyncio.CancelledError):
        await asyncio.sleep(0)

    error = ValueError("cleaning up failed")
    with pytest.raises(JobCancelledError) as ended:
        attempt.leave_handler(error)
    assert ended.value.__cause__ is error
    assert this_task().cancelling() == 0


async def test_after_its_handler_it_is_told_too_late() -> None:
    attempt = Attempt()
    attempt.enter_handler()
    attempt.leave_handler()
    attempt.stop(this_task(), WHY)
    attempt.leave_handler()

    await asyncio.sleep(0)
    assert not attempt.cancelled
    assert attempt.stopped_by is WHY


def test_all_attempts_of_a_batch_are_told() -> None:
    attempts = [Attempt(), Attempt()]
    tell_all(attempts)

    assert [attempt.cancelled for attempt in attempts] == [True, True]
