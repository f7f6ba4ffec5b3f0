"""The executor on fakes: what it finds, fills in, parks and refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

import pytest
from loguru import logger

from midday_worker import JobContext, JobRegistry, JobTimeoutError, NonRetryableError, PayloadError, job
from midday_worker.engine.job.attempt import Attempt
from midday_worker.engine.job.job import Job
from midday_worker.engine.worker.settlement import Park
from midday_worker.execution.executor import Executor
from midday_worker.settings.logs import complete
from midday_worker.testing import FakeJob
from tests.unit.sample import REGISTRY


@dataclass
class StoredJob(FakeJob):
    """A job as a worker has fetched it."""

    unreadable: str | None = None
    attempts: int = 0
    parked: int = 0
    queue: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(name="warehouse"))
    refusal: None = None
    attempt: Attempt = field(default_factory=Attempt)


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """What is logged, from debug up: level, job id and message."""
    lines: list[str] = []
    logger.configure(patcher=complete)  # as configure_logging does
    sink = logger.add(lines.append, level="DEBUG", format="{level} {extra[job_id]} {message}")
    yield lines
    logger.remove(sink)


async def execute(stored: StoredJob, registry: JobRegistry = REGISTRY, retries: int = 12) -> object:
    return await Executor(registry, None, retries)(cast("Job", stored))


async def test_a_jobs_result_is_its_json_form() -> None:
    assert await execute(StoredJob({"orderId": "o1"}, name="pack")) == '{"trackingId":"t-o1"}'


async def test_what_is_logged_during_an_attempt_bears_the_job(logged: list[str]) -> None:
    await execute(StoredJob({"orderId": "o1"}, name="pack", id="j7"))

    assert [line.split(" in ")[0].rstrip() for line in logged] == ["DEBUG j7 started", "INFO j7 completed"]


async def test_a_job_of_nodes_gets_the_definitions_options() -> None:
    stored = StoredJob({"orderId": "o1"}, name="pack", opts={"attempts": 0})

    await execute(stored)

    assert stored.attempts == stored.opts["attempts"] == 5
    assert stored.opts["backoff"] == {"type": "exponential", "delay": 2_000, "jitter": 0.5}


async def test_what_an_attempt_fails_with_is_raised_and_left_to_be_logged(logged: list[str]) -> None:
    stored = StoredJob({"weight": 1}, name="pack", attemptsMade=1)
    with pytest.raises(PayloadError) as failure:
        await execute(stored)

    assert isinstance(failure.value, NonRetryableError)
    assert stored.attempt.took_ms is not None
    assert [line.rstrip() for line in logged] == ["DEBUG test-job started"]


@pytest.mark.parametrize(("opts", "limit"), [({}, 20), ({"midday": {"timeout": 10}}, 10)])
async def test_the_calls_timeout_goes_before_the_jobs(opts: dict[str, object], limit: int) -> None:
    registry = JobRegistry()

    @job("slow", timeout=20, registry=registry)
    async def slow(data: None, ctx: JobContext) -> None:
        await asyncio.Event().wait()

    with pytest.raises(JobTimeoutError, match=f"{limit} ms"):
        await execute(StoredJob(None, name="slow", opts=opts), registry)


async def test_a_calls_timeout_of_none_lifts_the_jobs() -> None:
    registry = JobRegistry()

    @job("slow", timeout=1, registry=registry)
    async def slow(data: None, ctx: JobContext) -> str:
        await asyncio.sleep(0.02)
        return "done"

    assert await execute(StoredJob(None, name="slow", opts={"midday": {"timeout": 0}}), registry) == '"done"'


async def test_a_job_that_can_not_be_read_fails_for_good() -> None:
    with pytest.raises(NonRetryableError, match="The stored job can't be read"):
        await execute(StoredJob(None, name="pack", unreadable="The stored job can't be read: x"))


@pytest.mark.parametrize(("before", "delay_ms"), [(0, 5_000), (1, 10_000), (3, 40_000), (8, 600_000)])
async def test_an_unknown_job_is_parked_longer_each_time(before: int, delay_ms: int, logged: list[str]) -> None:
    with pytest.raises(Park) as parked:
        await execute(StoredJob(None, name="pak", parked=before))

    assert parked.value.delay_ms == delay_ms
    assert "Did you mean 'pack'?" in logged[0]
    assert f"parked for {delay_ms // 1000} s ({before + 1} of 12)" in logged[0]


async def test_all_tries_of_an_unknown_job_take_about_an_hour() -> None:
    seconds = 0.0
    for before in range(12):
        with pytest.raises(Park) as parked:
            await execute(StoredJob({}, name="pak", parked=before))
        seconds += parked.value.delay_ms / 1000
    assert 50 * 60 < seconds < 70 * 60


async def test_a_job_that_is_declared_to_be_run_elsewhere_is_parked_for_other_workers(logged: list[str]) -> None:
    registry = JobRegistry()
    declared = job("send-sms", int, queue="warehouse", attempts=9, registry=registry)
    stored = StoredJob({"not": "its schema"}, name="send-sms")

    with pytest.raises(Park) as parked:
        await execute(stored, registry)

    assert parked.value.delay_ms == 5_000
    assert stored.opts == {}
    (line,) = logged
    assert f"Job 'send-sms' is declared without a handler, at {declared.defined_at}: it is to be run elsewhere" in line
    assert "Left to the other workers of queue warehouse: parked for 5 s (1 of 12)" in line
    with pytest.raises(NonRetryableError, match=r"is declared without a handler.* Given up after 2 tries\."):
        await execute(StoredJob(1, name="send-sms", parked=2, attemptsMade=1), registry, retries=2)


async def test_an_unknown_job_fails_when_it_was_parked_often_enough() -> None:
    with pytest.raises(NonRetryableError, match=r"No job named 'pak' is registered .* Given up after 2 tries\."):
        await execute(StoredJob(None, name="pak", parked=2, attemptsMade=1), retries=2)
