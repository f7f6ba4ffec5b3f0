"""Jobs executed directly, with a plain fake for the job: the original README's "Testing Jobs"."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from midday_worker import JobContext, JobRegistry, JobTimeoutError, PayloadError, execute_job, job
from midday_worker.errors import DatabaseNotConfiguredError, ResultError, UnknownJobError
from tests.unit.sample import Label, pack


class PlainFake:
    """The least that a job can be, as the original README's mock."""

    id = "test"
    data: object = {"orderId": "o1", "action": "email"}

    async def updateProgress(self, progress: object, /) -> None:
        """Do nothing."""

    async def log(self, row: str) -> None:
        """Do nothing."""


async def test_a_job_is_executed_with_a_plain_fake_and_any_database() -> None:
    result = await pack.execute(PlainFake(), db=object())

    assert result == Label(tracking_id="t-o1")


async def test_a_fakes_invalid_data_is_refused() -> None:
    fake = PlainFake()
    fake.data = {"weight": 1}

    with pytest.raises(PayloadError, match="Invalid stored payload for job 'pack': orderId"):
        await pack.execute(fake)


async def test_without_a_database_only_its_use_fails() -> None:
    @job("queries", registry=JobRegistry())
    async def queries(data: object, ctx: JobContext) -> None:
        await ctx.db.flush()

    assert await pack.execute(PlainFake()) == Label(tracking_id="t-o1")
    with pytest.raises(DatabaseNotConfiguredError):
        await queries.execute(PlainFake())


@pytest.mark.parametrize("db", [None, "a database"])
async def test_the_definitions_timeout_holds_when_it_is_executed(db: object) -> None:
    @job("slow", timeout="10ms", registry=JobRegistry())
    async def slow(data: object, ctx: JobContext) -> None:
        await asyncio.Event().wait()

    with pytest.raises(JobTimeoutError, match="10 ms"):
        await slow.execute(PlainFake(), db)


async def test_execute_job_finds_a_job_of_the_default_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = JobRegistry()
    registry.add(pack)
    monkeypatch.setattr("midday_worker.definition.registry.default_registry", registry)

    assert await execute_job("pack", PlainFake()) == Label(tracking_id="t-o1")
    with pytest.raises(UnknownJobError, match="Did you mean 'pack'"):
        await execute_job("pak", PlainFake())


def test_a_stored_result_is_validated() -> None:
    assert pack.parse_result({"trackingId": "t1"}) == Label(tracking_id="t1")
    with pytest.raises(PayloadError, match="Invalid stored result for job 'pack': trackingId"):
        pack.parse_result({})


def test_a_stored_result_of_no_declared_type_is_taken_as_it_is() -> None:
    untyped = job("untyped", int, lambda data, ctx: data, registry=JobRegistry())

    assert untyped.result_schema is None
    assert untyped.parse_result("anything") == "anything"  # type: ignore[comparison-overlap]


async def test_a_result_of_another_type_is_refused() -> None:
    @job("lies", registry=JobRegistry())
    async def lies(data: object, ctx: JobContext) -> list[int]:
        return cast("list[int]", "text")

    with pytest.raises(ResultError, match="The result of job 'lies', a str, can't be stored"):
        await lies.execute(PlainFake())
