"""`run_job` and `FakeJob`: handlers without Redis."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest

from midday_worker import JobContext, JobRegistry, JobTimeoutError, NonRetryableError, PayloadError, job
from midday_worker.errors import DatabaseNotConfiguredError, ResultError
from midday_worker.testing import FakeJob, child_failure, child_result, run_job
from tests.unit.sample import Label, Parcel, pack, ship, weigh

REGISTRY = JobRegistry()
PARCEL = Parcel(order_id="o1")


@job("echo", registry=REGISTRY)
async def echo(data: tuple[date, set[int]], ctx: JobContext):  # type: ignore[no-untyped-def]  # no declared result
    return data


@job("anything", registry=REGISTRY)
async def anything(data: dict[str, object], ctx: JobContext) -> None: ...


@job("peek", registry=REGISTRY)
async def peek(data: str, ctx: JobContext) -> dict[str, object]:
    return {"id": ctx.job.id, "made": ctx.job.attemptsMade, "name": ctx.job.name, "db": str(ctx.db)}


@job("slow", timeout="20ms", registry=REGISTRY)
async def slow(data: None, ctx: JobContext) -> None:
    await asyncio.Event().wait()


@job("queries", registry=REGISTRY)
async def queries(data: None, ctx: JobContext) -> None:
    await ctx.db.flush()


@job("fails", registry=REGISTRY)
async def fails(data: None, ctx: JobContext) -> None:
    raise NonRetryableError("no")


@job("lies", registry=REGISTRY)
async def lies(data: None, ctx: JobContext) -> int:
    return "text"  # type: ignore[return-value]  # pyright: ignore[reportReturnType] - the mistake


async def test_the_result_is_validated_and_typed() -> None:
    assert await run_job(pack, PARCEL) == Label(tracking_id="t-o1")
    assert await run_job(pack, {"orderId": "o2"}) == Label(tracking_id="t-o2")


async def test_payload_and_result_go_through_json() -> None:
    assert await run_job(echo, (date(2026, 1, 2), {1})) == ["2026-01-02", [1]]


async def test_a_wrong_payload_is_refused_before_the_handler() -> None:
    with pytest.raises(PayloadError, match="orderId"):
        await run_job(pack, {"weight": 2})


async def test_a_payload_that_does_not_survive_json_is_refused() -> None:
    with pytest.raises(PayloadError, match="comes back as another value"):
        await run_job(anything, {"pair": (1, 2)})


async def test_the_handler_sees_id_name_attempt_and_database() -> None:
    seen = await run_job(peek, "x", db="the session", attempt=3, job_id="j7")

    assert seen == {"id": "j7", "made": 2, "name": "peek", "db": "the session"}


async def test_what_the_handler_raises_is_raised() -> None:
    with pytest.raises(NonRetryableError, match="no"):
        await run_job(fails, None)


async def test_the_timeout_of_the_definition_holds() -> None:
    with pytest.raises(JobTimeoutError, match="20 ms"):
        await run_job(slow, None)


async def test_a_result_of_another_type_is_refused() -> None:
    with pytest.raises(ResultError, match="lies"):
        await run_job(lies, None)


async def test_without_a_database_its_use_says_how_to_give_one() -> None:
    with pytest.raises(DatabaseNotConfiguredError, match="db=session") as raised:
        await run_job(queries, None)
    assert "DATABASE_PRIMARY_URL" not in str(raised.value)


async def test_a_fake_job_in_place_of_the_payload_is_told_how_to_be_run() -> None:
    with pytest.raises(PayloadError, match=r"job 'peek': this is a FakeJob, .* definition\.execute\(job, db\)"):
        await run_job(peek, FakeJob.of(peek, "x"))  # type: ignore[misc]  # pyright: ignore[reportArgumentType] - the mistake


async def test_a_parent_sees_the_results_of_its_children_by_type() -> None:
    children = [
        child_result(pack, Label(tracking_id="a")),
        child_result(weigh, 7),
        child_result(pack, Label(tracking_id="b")),
    ]

    assert await run_job(ship, PARCEL, children=children) == ["a", "b"]


def test_a_child_can_not_have_a_result_of_another_type() -> None:
    with pytest.raises(ResultError):
        child_result(weigh, "seven")  # type: ignore[misc]  # pyright: ignore[reportArgumentType] - the mistake


async def test_a_fake_job_keeps_progress_and_log() -> None:
    fake = FakeJob.of(pack, {"orderId": "o1", "weight": 4})

    await pack.execute(fake)

    assert fake.data == {"orderId": "o1", "weight": 4}
    assert fake.progress == [50]
    assert fake.logs == ["weighs 4"]


async def test_a_fake_job_answers_as_bullmqs_does() -> None:
    children = [child_result(weigh, 7), child_failure(pack, "burnt")]
    fake = FakeJob.of(ship, PARCEL, children=children)
    key, failed = children[0].key, children[1].key

    assert await fake.getChildrenValues() == {key: 7}
    assert await fake.childrenNames() == {key: "weigh"}
    assert await fake.getFailedChildrenValues() == await fake.getIgnoredChildrenFailures() == {failed: "burnt"}
    assert await fake.getDependencies() == {
        "processed": {key: 7},
        "unprocessed": [],
        "failed": [],
        "ignored": {failed: "burnt"},
    }
    assert await fake.getDependenciesCount() == {"processed": 1, "unprocessed": 0, "failed": 0, "ignored": 1}


async def test_a_fake_jobs_log_can_be_cleared_and_its_data_replaced() -> None:
    fake = FakeJob({"orderId": "o1"})
    assert [await fake.log(line) for line in "abc"] == [1, 2, 3]

    await fake.clearLogs(2)
    assert fake.logs == ["b", "c"]
    await fake.clearLogs()
    assert fake.logs == []
    await fake.updateData({"orderId": "o2"})
    assert fake.data == {"orderId": "o2"}
