"""One attempt: where the handler runs, its time limit, its log."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
from loguru import logger

from midday_worker import JobContext, JobRegistry, JobTimeoutError, SyncJobContext, job
from midday_worker.engine.job.attempt import Attempt
from midday_worker.errors import ResultError
from midday_worker.handling.time_limit import TimeLimit
from midday_worker.testing import FakeJob, run_job
from tests.unit.sample import Label

REGISTRY = JobRegistry()


@job("where", registry=REGISTRY)
def where(data: None, ctx: SyncJobContext) -> int:
    return threading.get_ident()


@job("where-async", registry=REGISTRY)
async def where_async(data: None, ctx: JobContext) -> int:
    return threading.get_ident()


@job("speaks", queue="mail", registry=REGISTRY)
async def speaks(data: str, ctx: JobContext) -> None:
    ctx.logger.info("hello {name}", name=data)


untyped = job("untyped", object, lambda data, ctx: {1: Label(tracking_id="t")} if data else object(), registry=REGISTRY)


@pytest.fixture
def logged() -> Iterator[list[str]]:
    lines: list[str] = []
    extra = "{extra[job]} {extra[job_id]} {extra[queue]} {extra[attempt]}"
    sink = logger.add(lines.append, format=f"{extra} {{message}}")
    yield lines
    logger.remove(sink)


async def test_a_plain_function_runs_in_a_thread_and_a_coroutine_on_the_loop() -> None:
    assert await run_job(where, None) != threading.get_ident()
    assert await run_job(where_async, None) == threading.get_ident()


async def test_the_log_is_bound_with_job_id_queue_and_attempt(logged: list[str]) -> None:
    await speaks.execute(FakeJob.of(speaks, "Ada", attempt=2, job_id="j1"))

    assert logged == ["speaks j1 mail 2 hello Ada\n"]


async def test_a_result_of_no_declared_type_is_dumped_by_alias() -> None:
    assert await run_job(untyped, True) == {"1": {"trackingId": "t"}}


async def test_a_result_of_no_json_form_names_job_and_type() -> None:
    with pytest.raises(ResultError, match="The result of job 'untyped', a object, can't be stored") as failure:
        await run_job(untyped, False)

    assert (failure.value.job, failure.value.type_name) == ("untyped", "object")


async def test_a_timeout_of_the_handlers_own_is_passed_on() -> None:
    with pytest.raises(TimeoutError) as failure, TimeLimit("pay", 60_000, [Attempt()]):
        raise TimeoutError("theirs")

    assert not isinstance(failure.value, JobTimeoutError)


async def test_a_handler_is_cancelled_at_its_limit() -> None:
    cancelled = False
    with (
        pytest.raises(JobTimeoutError, match="Job 'pay' took longer than its timeout of 5 ms"),
        TimeLimit("pay", 5, [Attempt()]),
    ):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled = True
            raise

    assert cancelled


async def test_a_handler_that_swallows_its_cancellation_has_timed_out_all_the_same() -> None:
    refused = pytest.raises(JobTimeoutError, match="Job 'pay' took longer than its timeout of 5 ms")
    with refused, TimeLimit("pay", 5, [Attempt()]), suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    current = asyncio.current_task()
    assert current is not None
    assert current.cancelling() == 0
