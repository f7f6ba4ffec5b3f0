"""Timeouts and deadlines: what the failure says, whether it is tried again, and what can't be stopped."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from midday_worker import (
    BatchContext,
    BatchOptions,
    JobClient,
    JobContext,
    JobDefinition,
    JobFailedError,
    JobRegistry,
    OptionError,
    Settings,
    SyncJobContext,
    job,
)
from tests.integration.crew import Crew


async def wait_for_ever(data: str, ctx: JobContext) -> str:
    await asyncio.Event().wait()  # the line
    return data


@pytest.fixture
def quick(settings: Settings) -> Settings:
    return settings.model_copy(update={"cancel_grace": 50, "cut_grace": 50})


async def failure(
    definition: JobDefinition[str, str], client: JobClient, settings: Settings, registry: JobRegistry
) -> JobFailedError:
    async with Crew(registry, settings):
        with pytest.raises(JobFailedError) as failed:
            await (await definition.trigger("x", client=client)).result("20s")
    return failed.value


def line_number() -> int:
    lines = Path(__file__).read_text("utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.endswith("# the line"))


async def test_the_failure_names_the_limit_and_the_line(
    client: JobClient, settings: Settings, registry: JobRegistry
) -> None:
    definition = job("wait", str, wait_for_ever, attempts=1, timeout="50ms", registry=registry)
    reason = (await failure(definition, client, settings, registry)).reason
    assert reason == (
        "Job 'wait' took longer than its timeout of 50 ms; it was at "
        f"tests/integration/acts/test_time_limits.py, line {line_number()}, in wait_for_ever"
    )


@pytest.mark.parametrize(("retry", "attempts"), [(True, 3), (False, 1)])
async def test_a_timeout_is_retried_or_not(
    client: JobClient, settings: Settings, registry: JobRegistry, retry: bool, attempts: int
) -> None:
    definition = job(
        "wait", str, wait_for_ever, attempts=3, backoff=0, timeout="30ms", retry_on_timeout=retry, registry=registry
    )
    assert (await failure(definition, client, settings, registry)).attempts == attempts


async def test_a_call_decides_over_its_job(client: JobClient, settings: Settings, registry: JobRegistry) -> None:
    definition = job("wait", str, wait_for_ever, attempts=3, backoff=0, registry=registry)
    handle = await definition.trigger("x", client=client, timeout="30ms", retry_on_timeout=False)
    async with Crew(registry, settings):
        with pytest.raises(JobFailedError) as failed:
            await handle.result("20s")
    assert failed.value.attempts == 1


async def test_cleaning_up_that_hangs_is_cut(client: JobClient, quick: Settings, registry: JobRegistry) -> None:
    cut = asyncio.Event()

    async def hang(data: str, ctx: JobContext) -> str:
        try:
            await asyncio.Event().wait()
        finally:
            try:
                await asyncio.Event().wait()
            finally:
                cut.set()
        return data

    definition = job("hang", str, hang, attempts=1, timeout="30ms", registry=registry)
    assert "timeout of 30 ms" in (await failure(definition, client, quick, registry)).reason
    assert cut.is_set()


async def test_a_handler_that_can_not_be_stopped_fails_all_the_same(
    client: JobClient, quick: Settings, registry: JobRegistry
) -> None:
    release = asyncio.Event()

    async def stubborn(data: str, ctx: JobContext) -> str:
        while not release.is_set():
            with suppress(asyncio.CancelledError):
                await release.wait()
        return data

    definition = job("stubborn", str, stubborn, attempts=1, timeout="30ms", registry=registry)
    assert "timeout of 30 ms" in (await failure(definition, client, quick, registry)).reason
    release.set()


async def test_a_batch_handler_that_can_not_be_stopped_fails_all_its_jobs_all_the_same(
    client: JobClient, quick: Settings, registry: JobRegistry
) -> None:
    release = asyncio.Event()
    told = list[bool]()

    @job("stubborn", batch=BatchOptions(max_size=2, max_wait="10s"), attempts=1, timeout="30ms", registry=registry)
    async def stubborn(data: list[int], ctx: BatchContext) -> list[int]:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                told.append(ctx.cancelled)
        return data

    handles = await stubborn.batch_trigger([{"payload": 1}, {"payload": 2}], client=client)
    async with Crew(registry, quick):
        try:
            for handle in handles:
                with pytest.raises(JobFailedError, match=r"timeout of 30 ms; it was at .*, in stubborn"):
                    await handle.result("10s")
        finally:
            release.set()
    assert told == [True, True]


async def test_a_plain_function_that_does_not_look_is_left_behind(
    client: JobClient, quick: Settings, registry: JobRegistry
) -> None:
    release = threading.Event()

    def block(data: str, ctx: SyncJobContext) -> str:
        release.wait()
        return data

    definition = job("block", str, block, attempts=1, timeout="30ms", registry=registry)
    reason = (await failure(definition, client, quick, registry)).reason
    release.set()
    assert "it was at tests/integration/acts/test_time_limits.py, line " in reason
    assert reason.endswith("in block")


async def test_a_job_past_its_deadline_fails_without_running(
    client: JobClient, settings: Settings, registry: JobRegistry
) -> None:
    ran = list[str]()

    async def note(data: str, ctx: JobContext) -> str:
        ran.append(data)
        return data

    definition = job("late", str, note, attempts=5, backoff=0, registry=registry)
    late = await definition.trigger("late", client=client, deadline="1ms")
    in_time = await definition.trigger("in time", client=client, deadline=datetime.now(UTC) + timedelta(hours=1))
    await asyncio.sleep(0.01)  # the deadline passes
    async with Crew(registry, settings):
        with pytest.raises(JobFailedError, match=r"was to start by .*, its deadline, and didn't run") as failed:
            await late.result("20s")
        assert await in_time.result("20s") == "in time"
    assert failed.value.attempts == 1
    assert ran == ["in time"]


async def test_a_retry_after_the_deadline_is_not_made(
    client: JobClient, settings: Settings, registry: JobRegistry
) -> None:
    ran = list[str]()

    async def fail(data: str, ctx: JobContext) -> str:
        ran.append(data)
        extras = cast("dict[str, int]", ctx.job.opts["midday"])
        await asyncio.sleep(extras["deadline"] / 1000 - time.time() + 0.01)  # until the deadline has passed
        raise ValueError("no")

    definition: JobDefinition[str, str] = job(
        "fail", str, fail, attempts=3, backoff=0, deadline="2s", registry=registry
    )
    async with Crew(registry, settings):
        with pytest.raises(JobFailedError, match="deadline"):
            await (await definition.trigger("x", client=client)).result("20s")
    assert ran == ["x"]


async def test_a_job_that_is_retried_after_its_deadline_fails_without_running(
    client: JobClient, settings: Settings, registry: JobRegistry
) -> None:
    ran = list[str]()

    async def fail(data: str, ctx: JobContext) -> str:
        ran.append(data)
        raise ValueError("no")

    definition: JobDefinition[str, str] = job("fail", str, fail, attempts=1, registry=registry)
    handle = await definition.trigger("x", client=client, deadline="2s")
    async with Crew(registry, settings):
        with pytest.raises(JobFailedError, match="no"):
            await handle.result("20s")
        extras = cast("dict[str, int]", (await handle.fetch()).opts["midday"])
        await asyncio.sleep(extras["deadline"] / 1000 - time.time() + 0.01)  # until the deadline has passed
        await handle.retry()
        with pytest.raises(JobFailedError, match="deadline"):
            await handle.result("20s")
    assert ran == ["x"]


async def test_a_handler_that_blocks_beyond_its_limit_and_returns_has_succeeded(
    client: JobClient, settings: Settings, registry: JobRegistry
) -> None:
    async def block(data: str, ctx: JobContext) -> str:
        threading.Event().wait(0.1)
        return data

    definition: JobDefinition[str, str] = job("block", str, block, attempts=1, timeout="10ms", registry=registry)
    async with Crew(registry, settings):
        assert await (await definition.trigger("x", client=client)).result("20s") == "x"


async def test_a_job_of_nodes_gets_its_definitions_deadline(
    client: JobClient, settings: Settings, registry: JobRegistry
) -> None:
    definition: JobDefinition[str, str] = job("old", str, lambda data, ctx: data, deadline="1h", registry=registry)
    queue = client.queue(definition.queue)
    old = await queue.add("old", "x", {"timestamp": round(time.time() * 1000) - 2 * 3_600_000})
    new = await queue.add("old", "y", {})
    async with Crew(registry, settings):
        with pytest.raises(JobFailedError, match="deadline"):
            await definition.handle(old.id, client=client).result("20s")
        assert await definition.handle(new.id, client=client).result("20s") == "y"


async def test_the_runs_of_a_schedule_count_from_when_they_are_due(
    client: JobClient, settings: Settings, registry: JobRegistry
) -> None:
    ran = asyncio.Event()

    async def tick(data: str, ctx: JobContext) -> None:
        ran.set()

    definition = job("tick", str, tick, deadline="1h", registry=registry)
    with pytest.raises(OptionError, match="deadline can't be given to a schedule's runs"):
        await definition.trigger_recurring("x", every="100ms", deadline="1m", client=client)
    schedule = await definition.trigger_recurring("x", every="100ms", client=client)
    async with Crew(registry, settings):
        await asyncio.wait_for(ran.wait(), 20)
        await schedule.remove()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"deadline": datetime(2020, 1, 1, tzinfo=UTC)}, "it is past"),
        ({"deadline": "1m", "delay": "2m"}, "delay of 120000 ms ends after it"),
        ({"deadline": 0}, "longer than zero"),
        ({"deadline": True}, "deadline"),
        ({"retry_on_timeout": "no"}, "True or False"),
    ],
)
async def test_a_deadline_that_can_not_be_met_writes_nothing(
    client: JobClient, registry: JobRegistry, options: dict[str, object], why: str
) -> None:
    definition: JobDefinition[str, str] = job("late", str, lambda data, ctx: data, registry=registry)
    with pytest.raises((OptionError, ValueError), match=why):
        await definition.trigger("x", client=client, **options)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - that is the test
    assert (await client.queue(definition.queue).getJobCounts("waiting", "delayed")) == {"waiting": 0, "delayed": 0}
