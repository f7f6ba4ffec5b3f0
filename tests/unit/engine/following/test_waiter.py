"""`Waiter`: which events count, in whatever order they and the looks at the state come."""

from __future__ import annotations

import pytest

from midday_worker.engine.following.ending import Ending
from midday_worker.engine.following.event_log import Event
from midday_worker.engine.following.waiter import Waiter

COMPLETED: Event = {"event": "completed", "jobId": "j1", "returnvalue": "42"}
FAILED: Event = {"event": "failed", "jobId": "j1", "failedReason": "boom"}


@pytest.fixture
def heard() -> list[str]:
    """The progress that the waiter has heard of."""
    return []


@pytest.fixture
async def waiter(heard: list[str]) -> Waiter:
    return Waiter("j1", lambda _: None, heard.append)


async def test_an_end_after_the_look_counts(waiter: Waiter) -> None:
    waiter.note_state((5, 0), "unfinished", None, None)
    assert not waiter.take((5, 1), COMPLETED)
    assert waiter.ending.result() == Ending("completed", 42)


async def test_an_end_that_comes_before_the_answer_of_an_older_look_counts(waiter: Waiter) -> None:
    waiter.take((6, 0), COMPLETED)
    assert not waiter.ending.done()
    waiter.note_state((5, 0), "unfinished", None, None)
    assert waiter.ending.result() == Ending("completed", 42)


@pytest.mark.parametrize("event", [COMPLETED, FAILED])
async def test_an_end_of_an_earlier_run_does_not_count(waiter: Waiter, event: Event) -> None:
    """The job has been told to run again, and the stream is read late."""
    waiter.take((4, 0), event)
    assert not waiter.note_state((5, 0), "unfinished", None, None)
    assert not waiter.take((4, 1), event)
    assert not waiter.ending.done()


async def test_a_failure_is_looked_at_for_what_the_event_does_not_say(waiter: Waiter) -> None:
    waiter.note_state((5, 0), "unfinished", None, None)
    assert waiter.take((6, 0), FAILED)
    ending = Ending("failed", reason="boom", attempts=3)
    waiter.note_state((7, 0), "failed", None, ending)
    assert waiter.ending.result() is ending


async def test_a_job_that_failed_and_was_told_to_run_again_is_waited_for(waiter: Waiter) -> None:
    waiter.note_state((5, 0), "unfinished", None, None)
    assert waiter.take((6, 0), FAILED)
    assert not waiter.note_state((7, 0), "unfinished", None, None)
    waiter.take((8, 0), COMPLETED)
    assert waiter.ending.result() == Ending("completed", 42)


async def test_the_failure_of_a_job_that_ran_again_is_forgotten(waiter: Waiter) -> None:
    waiter.note_state((5, 0), "unfinished", None, None)
    waiter.take((6, 0), FAILED)
    waiter.note_state((7, 0), "unfinished", None, None)
    gone = Ending("missing", reason="removed")
    waiter.note_state((8, 0), "missing", None, gone)
    assert waiter.ending.result() is gone


async def test_a_job_that_was_there_and_is_gone_ended_as_its_queue_s_events_tell(waiter: Waiter) -> None:
    waiter.note_state((5, 0), "unfinished", None, None)
    seen = Ending("completed", 42)
    waiter.note_state((7, 0), "missing", None, Ending("missing", reason="trimmed", from_events=seen))
    assert waiter.ending.result() is seen


async def test_a_job_that_was_gone_before_is_missing_whatever_the_events_tell(waiter: Waiter) -> None:
    gone = Ending("missing", reason="trimmed", from_events=Ending("completed", 42))
    waiter.note_state((7, 0), "missing", None, gone)
    assert waiter.ending.result() is gone


async def test_progress_is_heard_of_once_and_never_backwards(waiter: Waiter, heard: list[str]) -> None:
    waiter.take((4, 0), {"event": "progress", "data": "10"})
    waiter.take((6, 0), {"event": "progress", "data": "30"})
    waiter.note_state((5, 0), "unfinished", "20", None)
    waiter.take((6, 0), {"event": "progress", "data": "30"})
    waiter.note_state((5, 5), "unfinished", "20", None)
    waiter.take((7, 0), {"event": "progress", "data": "40"})
    assert heard == ["20", "30", "40"]


async def test_what_a_gap_in_the_events_has_swallowed_is_heard_at_the_next_look(
    waiter: Waiter, heard: list[str]
) -> None:
    waiter.note_state((5, 0), "unfinished", "10", None)
    waiter.note_state((9, 0), "unfinished", "60", None)
    waiter.note_state((10, 0), "unfinished", "60", None)
    waiter.note_state((12, 0), "completed", "100", Ending("completed", 42))
    assert heard == ["10", "60", "100"]
    assert waiter.ending.done()
