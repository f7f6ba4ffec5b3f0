"""`ctx.track` and `ctx.update_progress`: what is stored of a job's progress, and how often."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

import pytest
from loguru import logger
from sqlalchemy.ext.asyncio import AsyncSession

from midday_worker import InvalidInputError, JobContext, Payload
from midday_worker.engine.job.job import Job
from midday_worker.testing import FakeJob


class Clock:
    """Goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


class Step(Payload):
    step_name: str


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("midday_worker.handling.track.time", clock)
    return clock


@pytest.fixture
def fake() -> FakeJob:
    return FakeJob(None)


@pytest.fixture
def ctx(fake: FakeJob) -> JobContext:
    return JobContext(cast("Job", fake), cast("AsyncSession", object()), logger)


async def numbers(count: int) -> AsyncIterator[int]:
    for number in range(count):
        yield number


async def test_four_times_a_second_the_first_and_the_last_always(ctx: JobContext, fake: FakeJob, clock: Clock) -> None:
    seen: list[int] = []
    async for row in ctx.track(list(range(256))):
        seen.append(row)
        clock.now += 1 / 128
    assert seen == list(range(256))
    # 2 s of work: the first row, then each quarter of a second, and the end.
    assert fake.progress == [*(round(100 * done / 256, 1) for done in range(1, 256, 32)), 100]


async def test_as_often_as_is_asked_for(ctx: JobContext, fake: FakeJob, clock: Clock) -> None:
    async for _ in ctx.track(range(10), per_second=100):
        clock.now += 0.011
    assert fake.progress == [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]


async def test_rows_that_come_by_and_by_with_a_total(ctx: JobContext, fake: FakeJob, clock: Clock) -> None:
    async for _ in ctx.track(numbers(3), total=4):
        clock.now += 1
    assert fake.progress == [25, 50, 75, 100]  # the end is the end, whatever the total was


async def test_rows_without_a_total_are_counted(ctx: JobContext, fake: FakeJob, clock: Clock) -> None:
    async for _ in ctx.track(each for each in "ab"):
        clock.now += 1
    assert fake.progress == [{"done": 1}, {"done": 2}, 100]


async def test_more_rows_than_were_said_are_never_more_than_all(ctx: JobContext, fake: FakeJob, clock: Clock) -> None:
    async for _ in ctx.track(numbers(4), total=2):
        clock.now += 1
    assert fake.progress == [50, 100]


async def test_no_rows_are_all_done(ctx: JobContext, fake: FakeJob) -> None:
    assert [row async for row in ctx.track(list[int]())] == []
    assert fake.progress == [100]


async def test_who_breaks_off_has_not_done_the_last_row(ctx: JobContext, fake: FakeJob, clock: Clock) -> None:
    async for row in ctx.track(list("abcd")):
        clock.now += 1
        if row == "c":
            break
    assert fake.progress == [25, 50]


async def test_a_pace_of_nothing_is_refused(ctx: JobContext) -> None:
    with pytest.raises(InvalidInputError, match="per_second is 0"):
        ctx.track([1], per_second=0)


async def test_a_model_is_stored_by_alias(ctx: JobContext, fake: FakeJob) -> None:
    await ctx.update_progress(Step(step_name="two"))
    assert fake.progress == [{"stepName": "two"}]


@pytest.mark.parametrize("progress", [float("nan"), {"at": object()}])
async def test_what_json_cannot_hold_is_refused(
    ctx: JobContext, fake: FakeJob, progress: float | dict[str, object]
) -> None:
    with pytest.raises(InvalidInputError, match="This progress can't be stored"):
        await ctx.update_progress(progress)
    assert fake.progress == []
