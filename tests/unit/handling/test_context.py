"""`JobContext` on a fake job."""

from __future__ import annotations

from typing import cast

import pytest
from loguru import logger
from sqlalchemy.ext.asyncio import AsyncSession

from midday_worker import JobContext, NonRetryableError
from midday_worker.engine.job.job import Job
from midday_worker.testing import FakeJob, child_failure, child_result
from tests.unit.sample import Label, pack, weigh


def context(fake: FakeJob) -> JobContext:
    return JobContext(cast("Job", fake), cast("AsyncSession", object()), logger)


async def test_progress_and_log_go_to_the_job() -> None:
    fake = FakeJob(None)
    ctx = context(fake)

    await ctx.update_progress(50)
    await ctx.update_progress({"step": "two"})
    await ctx.log("a line")

    assert (fake.progress, fake.logs) == ([50, {"step": "two"}], ["a line"])


async def test_childrens_results_are_typed_and_told_apart_by_job() -> None:
    children = [
        child_result(pack, Label(tracking_id="a")),
        child_result(weigh, 3),
        child_failure(pack, "burnt"),
    ]
    ctx = context(FakeJob(None, children=children))

    assert await ctx.children_values() == {children[0].key: {"trackingId": "a"}, children[1].key: 3}
    assert await ctx.children_results(pack) == [Label(tracking_id="a")]
    assert await ctx.children_results(weigh) == [3]


class Forgetful(FakeJob):
    """A parent whose children were removed as they completed."""

    async def childrenNames(self) -> dict[str, str]:
        """No child's hash is left."""
        return {}


async def test_results_of_children_that_are_gone_can_not_be_told_apart() -> None:
    child = child_result(weigh, 3)
    ctx = context(Forgetful(None, children=[child]))

    with pytest.raises(NonRetryableError, match=child.key):
        await ctx.children_results(weigh)
    assert await ctx.children_values() == {child.key: 3}


@pytest.mark.parametrize("cancelled", [True, False])
def test_an_attempt_knows_whether_it_has_been_told_to_stop(cancelled: bool) -> None:
    assert context(FakeJob(None, cancelled=cancelled)).cancelled is cancelled
