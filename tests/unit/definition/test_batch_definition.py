"""Defining batch handlers, and testing them without Redis."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, cast

import pytest

from midday_worker import (
    BatchContext,
    BatchOptions,
    DefinitionError,
    JobRegistry,
    JobTimeoutError,
    NonRetryableError,
    OptionError,
    Payload,
    PayloadError,
    job,
)
from midday_worker.errors import DurationError, ResultError
from midday_worker.testing import run_batch, run_job


class Reading(Payload):
    sensor_id: str
    celsius: float


class Stored(Payload):
    row: int


@pytest.fixture
def registry() -> JobRegistry:
    return JobRegistry()


async def store(data: list[Reading], ctx: BatchContext) -> list[Stored | Exception]:
    return [Stored(row=n) if item.celsius > -274 else ValueError("too cold") for n, item in enumerate(data)]


def test_schemas_are_those_of_one_item(registry: JobRegistry) -> None:
    by_hand = job("by-hand", Reading, store, batch=BatchOptions(), registry=registry)
    decorated = job("decorated", batch=BatchOptions(max_size=2), registry=registry)(store)

    for definition in (by_hand, decorated):
        assert definition.schema.type is Reading
        assert definition.result_schema is not None
        assert definition.result_schema.type is Stored
    assert registry.get("decorated") is decorated
    assert (by_hand.batch, decorated.batch) == (BatchOptions(100, "50ms"), BatchOptions(2))


async def test_results_may_be_of_several_types_or_none(registry: JobRegistry) -> None:
    async def either(data: list[int], ctx: BatchContext) -> list[int | str | ValueError | KeyError]:
        return list(data)

    async def nothing(data: list[int], ctx: BatchContext) -> list[None]:
        return [None for _ in data]

    async def undeclared(data, ctx):  # type: ignore[no-untyped-def]  # pyright: ignore[reportUnknownParameterType, reportMissingParameterType] - as untyped code has it
        return [{"any": item} for item in data]  # pyright: ignore[reportUnknownVariableType] - as above

    batch = BatchOptions()
    assert await run_batch(job("either", int, either, batch=batch, registry=registry), [1]) == [1]
    assert await run_batch(job("nothing", int, nothing, batch=batch, registry=registry), [1]) == [None]
    free = job(
        "undeclared", int, cast("Any", undeclared), batch=batch, registry=registry
    )  # Any: a handler without types
    assert free.result_schema is None
    assert await run_batch(free, [1]) == [{"any": 1}]


def test_a_handler_of_one_payload_is_refused(registry: JobRegistry) -> None:
    async def one(data: Reading, ctx: BatchContext) -> list[int]:
        return []

    async def no_list(data: list[Reading], ctx: BatchContext) -> int:
        return 1

    def alone(data: list[int]) -> list[int]:
        return data

    with pytest.raises(DefinitionError, match=r"job 'one' at .* takes .*Reading.*; accepted with batch=: a list"):
        job("one", batch=BatchOptions(), registry=registry)(cast("Any", one))  # Any: a mistake that checkers refuse
    with pytest.raises(DefinitionError, match=r"job 'no-list' at .* returns .*int.*; accepted with batch=: a list"):
        job("no-list", batch=BatchOptions(), registry=registry)(cast("Any", no_list))  # Any: as above
    with pytest.raises(
        DefinitionError, match=r"as in `def handle\(data: list\[MyPayload\], ctx: BatchContext\) -> list\["
    ):
        job("alone", int, cast("Any", alone), batch=BatchOptions(), registry=registry)  # Any: as above
    with pytest.raises(
        DefinitionError, match=r"as in `def handle\(data: list\[MyPayload\], ctx: BatchContext\) -> list\["
    ):
        job("alone", batch=BatchOptions(), registry=registry)(cast("Any", alone))  # Any: as above
    with pytest.raises(DefinitionError, match=r"has batch=100; accepted: BatchOptions"):
        job("number", Reading, store, batch=cast("BatchOptions", 100), registry=registry)
    assert len(registry) == 0


@pytest.mark.parametrize("max_size", [0, -1, 1.5, True, "3"])
def test_a_size_that_is_no_count_is_refused(max_size: object) -> None:
    with pytest.raises(OptionError, match=r"BatchOptions\.max_size is .*; accepted: an integer of 1 or more"):
        BatchOptions(max_size=cast("int", max_size))


def test_a_wait_that_is_no_duration_is_refused() -> None:
    with pytest.raises(DurationError, match=r"BatchOptions\.max_wait"):
        BatchOptions(max_wait="soon")


async def test_a_batch_is_run_in_a_test(registry: JobRegistry) -> None:
    seen: list[object] = []

    @job("store", batch=BatchOptions(), registry=registry)
    async def storing(data: list[Reading], ctx: BatchContext) -> list[Stored | Exception]:
        seen.extend([*(one.id for one in ctx.jobs), ctx.db, ctx.jobs[0].attemptsMade])
        return await store(data, ctx)

    database = object()
    warm, cold = await run_batch(
        storing, [{"sensorId": "a", "celsius": 20}, {"sensorId": "b", "celsius": -300}], db=database, attempt=3
    )

    assert warm == Stored(row=0)
    assert isinstance(cold, ValueError)
    assert seen == ["test-job-1", "test-job-2", database, 2]
    with pytest.raises(PayloadError, match="celsius"):
        await run_batch(storing, [{"sensorId": "a"}])


async def test_one_job_is_a_batch_of_one(registry: JobRegistry) -> None:
    storing = job("store", Reading, store, batch=BatchOptions(), registry=registry)

    assert await run_job(storing, {"sensorId": "a", "celsius": 20}) == Stored(row=0)
    with pytest.raises(ValueError, match="too cold"):
        await run_job(storing, {"sensorId": "a", "celsius": -300})


async def test_a_test_sees_a_wrong_list_a_wrong_item_and_a_timeout(registry: JobRegistry) -> None:
    async def short(data: list[int], ctx: BatchContext) -> list[int | Exception]:
        if data == [0, 0]:
            await asyncio.Event().wait()
        return [cast("int", "one"), *data[2:]]

    shortening = job("short", int, short, batch=BatchOptions(), timeout="20ms", registry=registry)

    with pytest.raises(NonRetryableError, match="it has 1 items for 2 payloads"):
        await run_batch(shortening, [1, 2])
    with pytest.raises(JobTimeoutError):
        await run_batch(shortening, [0, 0])
    (wrong,) = await run_batch(shortening, [1])
    assert isinstance(wrong, ResultError)


async def test_a_plain_handler_runs_in_a_thread(registry: JobRegistry) -> None:
    def names(data: list[int], ctx: BatchContext) -> list[str]:
        return [threading.current_thread().name for _ in data]

    naming = job("names", int, names, batch=BatchOptions(), registry=registry)

    assert await run_batch(naming, [1, 2]) == ["midday-worker names"] * 2
