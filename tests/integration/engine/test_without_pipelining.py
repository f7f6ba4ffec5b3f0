"""With `REDIS_PIPELINING=false` all works over redis-py's own connections, if more slowly."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from redis.asyncio import Redis

from midday_worker import JobClient, JobContext, JobFailedError, JobRegistry, NonRetryableError, Payload, Settings, job
from midday_worker.client.client import redis_config
from midday_worker.engine.redis.connection import connect
from midday_worker.engine.transport import PipelinedRedis
from tests.integration.crew import Crew

ROOT = Path(__file__).parents[3]
FOLDERS = ("definition", "engine", "execution", "following", "workers", "acts")
# What is sent in which write, how many thousands are under way at once, what comes first of several; and this file.
LEFT_OUT = (
    "engine/test_pipelining.py",
    "engine/test_pipelining_transports.py",
    "engine/test_batch_round_trips.py",
    "engine/test_without_pipelining.py",
    "definition/test_bulk.py::test_of_thousands_that_are_under_way_those_that_were_added_are_named_in_order_whichever_fails",
    "acts/test_cancel.py::test_a_second_cancel_changes_nothing[active]",
    "definition/test_bulk.py::test_a_batch_that_breaks_off_names_every_job_that_may_have_been_added",
)


class Number(Payload):
    value: int


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"redis_pipelining": False})


async def test_its_clients_are_redis_pys_own(settings: Settings) -> None:
    async with connect(redis_config(settings)) as client:
        assert isinstance(client, Redis)
        assert not isinstance(client, PipelinedRedis)
    async with connect(redis_config(settings.model_copy(update={"redis_pipelining": True}))) as client:
        assert isinstance(client, PipelinedRedis)


async def all_end_when_they_are_cancelled(repeat: Callable[[], Awaitable[object]]) -> None:
    """Begin to do something over and over, and cancel that after ever more turns of the loop."""

    async def for_ever() -> None:
        while True:
            await repeat()

    for turns in range(60):
        task = asyncio.create_task(for_ever())
        for _ in range(turns % 30):
            await asyncio.sleep(0)
        task.cancel()
        _, left = await asyncio.wait({task}, timeout=10)
        assert not left


async def test_a_task_that_sends_command_after_command_ends_when_it_is_cancelled(settings: Settings) -> None:
    async with connect(redis_config(settings)) as client:
        await all_end_when_they_are_cancelled(lambda: client.get("nothing"))


async def test_a_task_that_adds_batch_after_batch_ends_when_it_is_cancelled(
    client: JobClient, registry: JobRegistry
) -> None:
    async def do_nothing(data: Number, ctx: JobContext) -> None:
        raise NotImplementedError

    add = job("nothing", Number, do_nothing, registry=registry).batch_trigger
    await all_end_when_they_are_cancelled(
        lambda: add([{"payload": Number(value=value)} for value in range(3)], client=client)
    )


async def test_jobs_batches_flows_delays_and_retries_work(
    settings: Settings, client: JobClient, registry: JobRegistry
) -> None:
    tried: list[int] = []

    @job("double", registry=registry, attempts=2, backoff="1ms")
    async def double(data: Number, ctx: JobContext) -> int:
        tried.append(data.value)
        if data.value < 0 and tried.count(data.value) == 1:
            raise ValueError("once more")
        return 2 * data.value

    @job("total", registry=registry)
    async def total(data: Number, ctx: JobContext) -> int:
        return sum(await ctx.children_results(double))

    @job("refuse", registry=registry)
    async def refuse(data: Number, ctx: JobContext) -> None:
        raise NonRetryableError("no")

    async with Crew(registry, settings):
        alone = await asyncio.gather(*(double.trigger(Number(value=n)) for n in range(30)))
        batch = await double.batch_trigger([{"payload": Number(value=n)} for n in range(1_200)])
        later = await double.trigger(Number(value=-5), delay="20ms", priority=2)
        flow = await total.trigger_flow(Number(value=0), [double.node(Number(value=n)) for n in range(3)])
        results = await asyncio.gather(*(handle.result(timeout="30s") for handle in (*alone, *batch[-3:], later, flow)))
        refused = await refuse.trigger(Number(value=1))
        with pytest.raises(JobFailedError, match="no"):
            await refused.result(timeout="30s")

    assert results == [*(2 * n for n in range(30)), *(2 * n for n in range(1_197, 1_200)), -10, 6]
    assert tried.count(-5) == 2


@pytest.mark.long
async def test_the_integration_tests_pass_without_it() -> None:
    tests = [f"tests/integration/{folder}" for folder in FOLDERS]
    left_out = [f"--deselect=tests/integration/{name}" for name in LEFT_OUT]
    run = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider", *left_out, *tests),
        cwd=ROOT,
        env={**os.environ, "REDIS_PIPELINING": "false"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await run.communicate()
    assert run.returncode == 0, output.decode()[-10_000:]
