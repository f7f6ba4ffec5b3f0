"""Retries on a real Redis, and what a Node worker makes of the jobs that Python added."""

from __future__ import annotations

from typing import cast

import pytest

from midday_worker import Backoff, JobClient, JobContext, JobFailedError, JobRegistry, Settings, job
from midday_worker.demo.node import NodeRuntime
from tests.deadline import eventually
from tests.integration.crew import Crew

FAIL_IN_NODE = """
import { Worker } from "bullmq";
const [url, prefix] = process.argv.slice(2, 4);
const { hostname: host, port } = new URL(url);
const connection = { host, port: Number(port), maxRetriesPerRequest: null };
let ended;
const done = new Promise((resolve) => { ended = resolve; });
const worker = new Worker("default", async () => { throw new Error("not in Node"); }, { connection, prefix });
worker.on("failed", (job) => ended({ delay: job.delay, attemptsMade: job.attemptsMade, opts: job.opts }));
const answer = await done;
await worker.close();
console.log(JSON.stringify(answer));
"""

NODE_ADDS = """
import { Queue } from "bullmq";
const [url, prefix] = process.argv.slice(2, 4);
const { hostname: host, port } = new URL(url);
const queue = new Queue("default", { connection: { host, port: Number(port) }, prefix });
const plain = await queue.add("shaky", 1);
const own = await queue.add("shaky", 2, { attempts: 2, backoff: { type: "fixed", delay: 3600000 } });
console.log(JSON.stringify([plain.id, own.id]));
await queue.close();
"""


def soon(_attempt: int, _error: Exception) -> int:
    return 5


async def fail(data: int, ctx: JobContext) -> None:
    raise ConnectionError(f"attempt {ctx.job.attemptsMade + 1}")


async def wait_until(client: JobClient, job_id: str, state: str) -> None:
    async def reached() -> bool:
        return await client.state("default", job_id) == state

    await eventually(reached, f"job {job_id} is {state}")


async def test_classes_of_errors_decide_and_every_attempt_is_kept_up_to_the_limit(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    async def shaky(data: int, ctx: JobContext) -> None:
        raise ConnectionError(f"attempt {ctx.job.attemptsMade + 1}") if ctx.job.attemptsMade < 4 else KeyError("gone")

    shaking = job(
        "shaky",
        int,
        shaky,
        attempts=9,
        backoff=0,
        retry_on=ConnectionError,
        stack_trace_limit=3,
        registry=registry,
    )
    async with Crew(registry, settings):
        with pytest.raises(JobFailedError, match="gone") as caught:
            await (await shaking.trigger(1, client=client)).result("20s")
    assert caught.value.attempts == 5
    kept = [stack.strip().splitlines()[-1] for stack in caught.value.stacktrace]
    assert kept == ["ConnectionError: attempt 3", "ConnectionError: attempt 4", "KeyError: 'gone'"]


async def test_a_function_is_asked_after_each_failure_in_the_worker(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    asked: list[tuple[int, str]] = []

    def backoff(attempt: int, error: Exception) -> int | None:
        asked.append((attempt, str(error)))
        return 1 if attempt < 3 else None

    shaking = job("shaky", int, fail, attempts=9, backoff=backoff, registry=registry)
    async with Crew(registry, settings):
        with pytest.raises(JobFailedError) as caught:
            await (await shaking.trigger(1, client=client)).result("20s")
    assert caught.value.attempts == 3
    assert asked == [(1, "attempt 1"), (2, "attempt 2"), (3, "attempt 3")]


async def test_the_backoff_of_a_call_goes_before_the_function_of_the_job(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    def backoff(attempt: int, error: Exception) -> int:
        raise AssertionError("asked")

    shaking = job("shaky", int, fail, attempts=2, backoff=backoff, registry=registry)
    async with Crew(registry, settings):
        with pytest.raises(JobFailedError) as caught:
            await (await shaking.trigger(1, client=client, backoff=1)).result("20s")
    assert caught.value.attempts == 2


async def test_the_limit_of_a_backoff_travels_with_the_job(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    shaking = job("shaky", int, fail, attempts=3, registry=registry)
    slow: Backoff = {"type": "exponential", "delay": "1h", "max_delay": 1}
    async with Crew(registry, settings):
        with pytest.raises(JobFailedError) as caught:
            await (await shaking.trigger(1, client=client, backoff=slow)).result("20s")
    assert caught.value.attempts == 3


async def test_jobs_that_node_added_take_the_function_and_the_limit_where_they_have_no_backoff(
    client: JobClient, registry: JobRegistry, settings: Settings, node: NodeRuntime
) -> None:
    job("shaky", int, fail, attempts=2, backoff=soon, registry=registry)
    added = await node.run(NODE_ADDS, settings.redis_url.get_secret_value(), settings.redis_prefix, timeout_s=300)
    plain, own = cast("list[str]", added)
    async with Crew(registry, settings):
        ended = await client.wait_for("default", plain).ending
        await wait_until(client, own, "delayed")
    assert ended.attempts == 2


@pytest.mark.parametrize(
    ("backoff", "least", "most"),
    [
        pytest.param({"type": "fixed", "delay": 60_000, "jitter": "none"}, 60_000, 60_000, id="fixed"),
        pytest.param({"type": "fixed", "delay": 60_000, "jitter": "equal"}, 30_000, 60_000, id="equal jitter"),
        pytest.param({"type": "fixed", "delay": 60_000, "jitter": "full"}, 0, 60_000, id="full jitter"),
        pytest.param({"type": "fixed", "delay": 60_000, "max_delay": 5}, 60_000, 60_000, id="no limit"),
        pytest.param(soon, 1_000, 2_000, id="default for a function"),
    ],
)
async def test_a_node_worker_waits_by_what_it_knows_of_the_backoff(
    client: JobClient,
    registry: JobRegistry,
    settings: Settings,
    node: NodeRuntime,
    backoff: Backoff,
    least: int,
    most: int,
) -> None:
    """It knows neither the limit, nor a function, nor the classes of errors."""
    shaking = job("shaky", int, fail, attempts=3, backoff=backoff, fail_on=Exception, registry=registry)
    handle = await shaking.trigger(1, client=client)
    answer = await node.run(FAIL_IN_NODE, settings.redis_url.get_secret_value(), settings.redis_prefix, timeout_s=300)
    assert isinstance(answer, dict)
    assert answer["attemptsMade"] == 1
    assert await handle.state() == "delayed"
    assert least <= cast("int", answer["delay"]) <= most
