"""Collecting jobs and handling them together, without Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest

from midday_worker import BatchContext, BatchDefinition, BatchOptions, JobRegistry, JobTimeoutError, PayloadError, job
from midday_worker.engine.job.job import Job
from midday_worker.errors import ResultError
from midday_worker.execution.collector import Collector
from midday_worker.handling.attempt_call import AttemptCall


def stored_job(data: object, job_id: str) -> Job:
    """Return a job as a worker has fetched it."""
    one = Job.__new__(Job)
    one.opts = {}
    one.data, one.id, one.attemptsMade = cast("int", data), job_id, 0
    return one


Squares = BatchDefinition[int, int]


class Squaring:
    """A batch handler that keeps the batches it was given, and waits to be let go when told to."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.jobs: list[Job] = []
        self.started = asyncio.Event()
        self.go = asyncio.Event()
        self.go.set()

    async def __call__(self, data: list[int], ctx: BatchContext) -> list[int | Exception]:
        self.batches.append(list(data))
        self.jobs.extend(ctx.jobs)
        self.started.set()
        await self.go.wait()
        return [item * item if item >= 0 else ValueError(f"{item} is negative") for item in data]


def defined(squaring: Squaring, batch: BatchOptions) -> Squares:
    return job("square", int, squaring, batch=batch, registry=JobRegistry())


def running(
    collector: Collector, definition: Squares, payloads: Sequence[object], timeout_ms: int | None = None
) -> list[asyncio.Task[str]]:
    calls = [AttemptCall(stored_job(data, f"j{number}"), definition.runner) for number, data in enumerate(payloads)]
    for call in calls:
        call.job.attempt.timeout_ms = timeout_ms
    return [asyncio.create_task(collector.run(definition.batch_runner, call)) for call in calls]


async def endings(tasks: list[asyncio.Task[str]]) -> list[str]:
    async with asyncio.timeout(10):
        done = await asyncio.gather(*tasks, return_exceptions=True)
    return [item if isinstance(item, str) else f"{type(item).__name__}: {item}".rstrip(": ") for item in done]


async def test_a_batch_runs_when_it_is_full_whatever_its_time() -> None:
    squaring = Squaring()
    definition = defined(squaring, BatchOptions(max_size=2, max_wait="1h"))

    assert await endings(running(Collector(None), definition, [1, 2, 3, 4])) == ["1", "4", "9", "16"]
    assert squaring.batches == [[1, 2], [3, 4]]


async def test_a_batch_runs_when_its_time_is_over_whatever_its_size() -> None:
    squaring = Squaring()
    definition = defined(squaring, BatchOptions(max_size=100, max_wait="10ms"))

    assert await endings(running(Collector(None), definition, [1, 2, 3])) == ["1", "4", "9"]
    assert squaring.batches == [[1, 2, 3]]


async def test_an_exception_that_is_returned_fails_its_job_alone() -> None:
    definition = defined(Squaring(), BatchOptions(max_size=3))

    assert await endings(running(Collector(None), definition, [1, -2, 3])) == [
        "1",
        "ValueError: -2 is negative",
        "9",
    ]


async def test_an_exception_that_is_raised_fails_all() -> None:
    async def fail(data: list[int], ctx: BatchContext) -> list[int]:
        raise LookupError("the shop is closed")

    definition = job("fail", int, fail, batch=BatchOptions(max_size=2), registry=JobRegistry())

    assert await endings(running(Collector(None), definition, [1, 2])) == ["LookupError: the shop is closed"] * 2


async def test_a_stored_payload_that_is_invalid_fails_its_job_alone_and_joins_no_batch() -> None:
    squaring = Squaring()
    first, wrong, last = running(
        Collector(None), defined(squaring, BatchOptions(max_size=2, max_wait="1h")), [1, "one", 3]
    )

    assert await endings([first, last]) == ["1", "9"]
    with pytest.raises(PayloadError, match="Invalid stored payload for job 'square'"):
        await wrong
    assert squaring.batches == [[1, 3]]


async def test_a_result_of_the_wrong_type_fails_its_job_alone() -> None:
    async def half(data: list[int], ctx: BatchContext) -> list[int | Exception]:
        return [cast("int", item / 2) for item in data]

    definition = job("half", int, half, batch=BatchOptions(max_size=2), registry=JobRegistry())
    good, bad = running(Collector(None), definition, [2, 3])

    assert await endings([good]) == ["1"]
    with pytest.raises(ResultError, match="The result of job 'half', a float, can't be stored"):
        await bad


@pytest.mark.parametrize(
    ("returned", "reason"),
    [
        ([1], "a list, can't be stored: it has 1 items for 2 payloads"),
        ([1, 2, 3], "a list, can't be stored: it has 3 items for 2 payloads"),
        (None, "a NoneType, can't be stored: it is no list"),
        ("ab", "a str, can't be stored: it is no list"),
    ],
)
async def test_anything_but_one_item_for_each_payload_fails_all_without_a_retry(returned: object, reason: str) -> None:
    async def answer(data: list[int], ctx: BatchContext) -> list[int | Exception]:
        data.clear()  # the handler's own list: it counts for nothing
        return cast("list[int | Exception]", returned)

    definition = job("answer", int, answer, batch=BatchOptions(max_size=2), registry=JobRegistry())

    for task in running(Collector(None), definition, [1, 2]):
        with pytest.raises(ResultError, match=reason):
            await task


async def test_the_shortest_timeout_of_its_jobs_is_the_timeout_of_the_call() -> None:
    squaring = Squaring()
    squaring.go.clear()
    definition = defined(squaring, BatchOptions(max_size=2))
    collector = Collector(None)

    for task in [*running(collector, definition, [1], 60_000), *running(collector, definition, [2], 20)]:
        with pytest.raises(JobTimeoutError, match="timeout of 20 ms"):
            await task


async def test_an_object_that_is_called_asynchronously_is_called_on_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("midday_worker.handling.batch_runner.run_plain", None)
    tasks = running(Collector(None), defined(Squaring(), BatchOptions(max_size=2)), [1, 2])

    assert await endings(tasks) == ["1", "4"]


async def test_a_job_that_is_cancelled_while_it_is_collected_drops_out() -> None:
    squaring = Squaring()
    collector = Collector(None)
    tasks = running(collector, defined(squaring, BatchOptions(max_size=3, max_wait="1h")), [1, 2])
    await asyncio.sleep(0)
    tasks[0].cancel()
    await asyncio.wait(tasks[:1])
    collector.close()

    assert await endings(tasks) == ["CancelledError", "4"]
    assert squaring.batches == [[2]]


async def test_a_job_that_is_cancelled_while_its_batch_runs_is_told_and_the_others_go_on() -> None:
    squaring = Squaring()
    squaring.go.clear()
    tasks = running(Collector(None), defined(squaring, BatchOptions(max_size=2)), [1, 2])
    await squaring.started.wait()
    tasks[0].cancel()
    await asyncio.wait(tasks[:1])

    assert [told.cancelled for told in squaring.jobs] == [True, False]
    squaring.go.set()
    assert await endings(tasks) == ["CancelledError", "4"]


async def test_when_all_are_cancelled_the_handler_is_too_and_has_cleaned_up_before_they_end() -> None:
    cleaned: list[str] = []
    started = asyncio.Event()

    async def wait(data: list[int], ctx: BatchContext) -> list[int]:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            for _ in range(20):
                await asyncio.sleep(0)
            cleaned.append(f"cancelled: {ctx.cancelled}")
        return data

    definition = job("wait", int, wait, batch=BatchOptions(max_size=2), registry=JobRegistry())
    tasks = running(Collector(None), definition, [1, 2])
    await started.wait()
    for task in tasks:
        task.cancel()

    assert await endings(tasks) == ["CancelledError"] * 2
    assert cleaned == ["cancelled: True"]


async def test_closing_runs_what_is_collected_and_lets_nobody_wait_any_longer() -> None:
    squaring = Squaring()
    collector = Collector(None)
    definition = defined(squaring, BatchOptions(max_wait="1h"))
    early = running(collector, definition, [1, 2])
    await asyncio.sleep(0)
    collector.close()

    assert await endings([*early, *running(collector, definition, [3])]) == ["1", "4", "9"]
    assert squaring.batches == [[1, 2], [3]]
