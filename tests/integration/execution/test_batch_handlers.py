"""Batch handlers on a real Redis: many jobs, one call, and each job with a state of its own."""

from __future__ import annotations

import asyncio
from collections import Counter

from redis.asyncio import Redis

from midday_worker import (
    BatchContext,
    BatchOptions,
    JobClient,
    JobHandle,
    JobRegistry,
    NonRetryableError,
    Settings,
    job,
)
from midday_worker.demo.node import NodeRuntime
from tests.deadline import eventually
from tests.integration.crew import Crew
from tests.integration.execution.test_execution import add_unchecked
from tests.spans import id_of, parent_of, recorded_spans

NODE_ADDS = """
import { Queue, QueueEvents } from "bullmq";
const [url, prefix] = process.argv.slice(2, 4);
const { hostname: host, port } = new URL(url);
const options = { connection: { host, port: Number(port) }, prefix };
const events = new QueueEvents("default", options);
await events.waitUntilReady();
const queue = new Queue("default", options);
const added = await queue.addBulk([1, -2, 3].map((data) => ({ name: "square", data })));
const answers = await Promise.all(added.map((job) =>
  job.waitUntilFinished(events, 20000).catch((error) => error.message)));
console.log(JSON.stringify(answers));
await queue.close();
await events.close();
"""


async def endings(handles: list[JobHandle[int]]) -> list[int | str]:
    """What each job ended with: its result, or the reason of its failure."""
    ended = await asyncio.gather(*(handle.result("20s") for handle in handles), return_exceptions=True)
    return [item if isinstance(item, int) else getattr(item, "reason", repr(item)) for item in ended]


async def test_jobs_are_handled_together_and_each_ends_by_itself(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    sizes: list[int] = []

    @job("square", batch=BatchOptions(max_size=10, max_wait="2s"), attempts=1, registry=registry)
    async def square(data: list[int], ctx: BatchContext) -> list[int | Exception]:
        sizes.append(len(data))
        return [item * item if item % 10 else ValueError(f"{item} is round") for item in data]

    handles = await square.batch_trigger([{"payload": number} for number in range(20)], client=client)
    async with Crew(registry, settings):
        assert await endings(handles) == [n * n if n % 10 else f"{n} is round" for n in range(20)]
    assert sizes == [10, 10]


async def test_each_job_keeps_its_own_retries(client: JobClient, registry: JobRegistry, settings: Settings) -> None:
    calls: list[list[tuple[int, int]]] = []

    @job("count", batch=BatchOptions(max_size=3, max_wait="1s"), attempts=2, backoff=0, registry=registry)
    async def count(data: list[int], ctx: BatchContext) -> list[int | Exception]:
        tries = [one.attemptsMade for one in ctx.jobs]
        calls.append(list(zip(data, tries, strict=True)))
        failures = {(2, 0): ValueError("not yet"), (3, 0): NonRetryableError("no")}
        return [failures.get((item, made), item) for item, made in zip(data, tries, strict=True)]

    handles = await count.batch_trigger([{"payload": number} for number in (1, 2, 3)], client=client)
    async with Crew(registry, settings):
        assert await endings(handles) == [1, 2, "no"]
        assert [(await handle.fetch()).attemptsMade for handle in handles] == [1, 2, 1]
    assert [sorted(call) for call in calls] == [[(1, 0), (2, 0), (3, 0)], [(2, 1)]]


async def test_an_exception_of_the_handler_fails_all_each_by_its_own_retries(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    attempts: Counter[int] = Counter()

    @job("fail", batch=BatchOptions(max_size=2, max_wait="1s"), backoff=0, registry=registry)
    async def fail(data: list[int], ctx: BatchContext) -> list[int | Exception]:
        attempts.update(data)
        raise LookupError("the shop is closed")

    handles = [await fail.trigger(1, client=client, attempts=1), await fail.trigger(3, client=client, attempts=3)]
    async with Crew(registry, settings):
        assert await endings(handles) == ["the shop is closed"] * 2
        failed = await handles[1].fetch()
    assert attempts == {1: 1, 3: 3}
    assert len(failed.stacktrace) == 3
    for stack in failed.stacktrace:  # its own, whoever else was in the batch
        assert stack.count("Traceback (most recent call last)") == 1
        assert "in fail\n" in stack


async def test_a_list_of_the_wrong_length_fails_all_at_once_with_a_clear_reason(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    @job("short", batch=BatchOptions(max_size=2, max_wait="1s"), attempts=5, backoff=0, registry=registry)
    async def short(data: list[int], ctx: BatchContext) -> list[int | Exception]:
        return [1]

    handles = await short.batch_trigger([{"payload": 1}, {"payload": 2}], client=client)
    async with Crew(registry, settings):
        for reason in await endings(handles):
            assert "a list, can't be stored: it has 1 items for 2 payloads; a batch handler returns" in str(reason)
        assert [(await handle.fetch()).attemptsMade for handle in handles] == [1, 1]


async def test_a_stored_payload_that_is_invalid_fails_its_job_alone(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    @job("square", batch=BatchOptions(max_size=3, max_wait="500ms"), registry=registry)
    async def square(data: list[int], ctx: BatchContext) -> list[int | Exception]:
        return [item * item for item in data]

    wrong = await add_unchecked(client, "square", {"a": 1})
    handles = await square.batch_trigger([{"payload": 2}, {"payload": 3}], client=client)
    async with Crew(registry, settings):
        assert await endings(handles) == [4, 9]
        ended = await client.wait_for("default", wrong).ending
    assert "Invalid stored payload for job 'square'" in ended.reason


async def test_the_timeout_is_that_of_the_call_and_fails_all(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    cancelled = asyncio.Event()

    @job("hang", batch=BatchOptions(max_size=2, max_wait="1s"), attempts=1, timeout="100ms", registry=registry)
    async def hang(data: list[int], ctx: BatchContext) -> list[int]:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return data

    handles = await hang.batch_trigger([{"payload": 1}, {"payload": 2}], client=client)
    async with Crew(registry, settings):
        ended = await endings(handles)
        assert [str(reason).partition(";")[0] for reason in ended] == [
            "Job 'hang' took longer than its timeout of 100 ms"
        ] * 2
    assert cancelled.is_set()


async def test_what_is_collected_when_the_stop_comes_is_handled_at_once(
    client: JobClient, registry: JobRegistry, settings: Settings, redis: Redis
) -> None:
    sizes: list[int] = []

    @job("square", batch=BatchOptions(max_size=100, max_wait="1h"), registry=registry)
    async def square(data: list[int], ctx: BatchContext) -> list[int | Exception]:
        sizes.append(len(data))
        return [item * item for item in data]

    handles = await square.batch_trigger([{"payload": number} for number in range(5)], client=client)
    async with Crew(registry, settings) as crew:

        async def all_run() -> bool:
            return crew.worker.running_count == 5

        await eventually(all_run, "five jobs are collected")
        assert sizes == []
    assert sum(sizes) == 5  # a job that joins after the stop is a batch of its own
    assert await endings(handles) == [0, 1, 4, 9, 16]
    assert await redis.llen(f"{settings.redis_prefix}:default:active") == 0


async def test_a_forced_stop_cancels_the_batch_and_hands_its_jobs_back_without_an_attempt(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    @job("hold", batch=BatchOptions(max_size=3, max_wait="1h"), registry=registry)
    async def hold(data: list[int], ctx: BatchContext) -> list[int]:
        started.set()
        if not cancelled.is_set():
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()
        return [one.attemptsMade for one in ctx.jobs]

    handles = await hold.batch_trigger([{"payload": number} for number in range(3)], client=client)
    async with Crew(registry, settings) as crew:
        await asyncio.wait_for(started.wait(), 10)
        assert await crew.worker.drain(0) is False
        assert cancelled.is_set()
        assert [await handle.state() for handle in handles] == ["waiting"] * 3
    async with Crew(registry, settings):
        assert await endings(handles) == [0, 0, 0]


async def test_node_adds_and_waits_for_jobs_that_are_handled_in_a_batch(
    registry: JobRegistry, settings: Settings, node: NodeRuntime
) -> None:
    batches: list[list[int]] = []

    @job("square", batch=BatchOptions(max_size=3, max_wait="2s"), attempts=1, registry=registry)
    async def square(data: list[int], ctx: BatchContext) -> list[int | Exception]:
        batches.append(sorted(data))
        return [item * item if item > 0 else ValueError(f"{item} is negative") for item in data]

    async with Crew(registry, settings):
        answers = await node.run(NODE_ADDS, settings.redis_url.get_secret_value(), settings.redis_prefix, timeout_s=300)
    assert answers == [1, "-2 is negative", 9]
    assert batches == [[-2, 1, 3]]


async def test_a_span_that_a_batch_makes_is_below_one_of_its_jobs(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    with recorded_spans() as spans:

        @job("span", batch=BatchOptions(max_size=1), registry=registry)
        async def make_span(data: list[int], ctx: BatchContext) -> list[int | Exception]:
            with spans.tracer.start_as_current_span("inner"):
                return list(data)

        async with Crew(registry, settings):
            await (await make_span.trigger(1, client=client)).result("20s")
    assert parent_of(spans.one("inner")) == id_of(spans.one("process default"))
