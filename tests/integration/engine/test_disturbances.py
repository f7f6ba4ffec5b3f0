"""What must not stop the worker: handlers that raise anything, and jobs that can't be read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine

import pytest
from redis.asyncio import Redis

from midday_worker import (
    JobClient,
    JobContext,
    JobDefinition,
    JobEvent,
    JobFailedError,
    JobRegistry,
    QueueRegistry,
    RateLimit,
    Settings,
    job,
    queue,
)
from midday_worker.engine.producer.backend import client_name
from midday_worker.engine.worker.config import WorkerConfig
from tests.deadline import eventually
from tests.integration.crew import Crew


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise ValueError("no message")


ERRORS = {
    "cancelled": asyncio.CancelledError("by the handler"),
    "exit": SystemExit(3),
    "interrupt": KeyboardInterrupt(),
    "generator": GeneratorExit(),
    "surrogate": RuntimeError("half a pair: \ud800"),
    "unprintable": UnprintableError(),
    "long": RuntimeError("x" * 1_000_000),
    "empty": RuntimeError(),
}


def raising_job(registry: JobRegistry) -> JobDefinition[str, str]:
    async def handle(kind: str, ctx: JobContext) -> str:
        if kind in ERRORS:
            raise ERRORS[kind]
        return kind

    return job("raise", str, handle, attempts=1, registry=registry)


@pytest.mark.parametrize("kind", ERRORS)
async def test_whatever_a_handler_raises_fails_that_job_alone(
    client: JobClient, registry: JobRegistry, settings: Settings, kind: str
) -> None:
    raising = raising_job(registry)
    async with Crew(registry, settings):
        bad, good = await raising.batch_trigger([{"payload": kind}, {"payload": "fine"}], client=client)
        with pytest.raises(JobFailedError) as caught:
            await bad.result("10s")
        assert await good.result("10s") == "fine"
        later = await raising.trigger("later", client=client)
        assert await later.result("10s") == "later"
    assert 0 < len(caught.value.reason) < 20_000


async def test_an_error_out_of_a_task_group_fails_its_job(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    async def handle(data: int, ctx: JobContext) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.Event().wait())
            raise LookupError("no such page")

    crawl = job("crawl", int, handle, attempts=1, registry=registry)
    async with Crew(registry, settings):
        with pytest.raises(JobFailedError, match="unhandled errors in a TaskGroup"):
            await (await crawl.trigger(1, client=client)).result("10s")


async def failing_child(child: Callable[[], Coroutine[None, None, None]]) -> None:
    """End with the error of a group's child, which on Python 3.11 and 3.12 leaves the task's `cancelling()` at 1."""
    async with asyncio.TaskGroup() as group:
        group.create_task(child())


async def not_found() -> None:
    raise LookupError("no such page")


@pytest.mark.parametrize("kind", ["uncaught", "caught", "hook"])
async def test_a_failing_child_of_a_task_group_switches_off_no_rule_and_no_hook(
    client: JobClient, registry: JobRegistry, settings: Settings, kind: str
) -> None:
    heard: list[object] = []

    @job("crawl", attempts=3, retry_on=(), registry=registry)
    async def crawl(data: str, ctx: JobContext) -> None:
        if kind == "hook":
            raise ValueError("nothing in it")
        try:
            await failing_child(not_found)
        except* LookupError:
            if kind == "uncaught":
                raise
            with pytest.raises(ExceptionGroup):  # the next group is as the first one
                await failing_child(not_found)
        raise ValueError("nothing in it")

    @registry.hooks.on_start
    async def begin(event: JobEvent[object, object]) -> None:
        with pytest.raises(ExceptionGroup):
            await failing_child(not_found)

    @registry.hooks.on_failure
    async def prepare(event: JobEvent[object, object]) -> None:
        await failing_child(not_found)

    @registry.hooks.on_failure
    async def fail(event: JobEvent[object, object]) -> None:
        heard.append((event.attempt, event.will_retry))

    async with Crew(registry, settings):
        handle = await crawl.trigger("page", client=client)
        with pytest.raises(JobFailedError):
            await handle.result("10s")
    assert heard == [(1, False)]


async def test_a_failing_child_of_a_task_group_hands_no_job_back_at_a_stop(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    told, go_on = asyncio.Event(), asyncio.Event()

    @job("crawl", attempts=1, registry=registry)
    async def crawl(data: str, ctx: JobContext) -> None:
        await failing_child(not_found)

    @registry.hooks.on_failure
    async def hear(event: JobEvent[object, object]) -> None:
        told.set()
        await go_on.wait()

    async with Crew(registry, settings) as crew:
        handle = await crawl.trigger("page", client=client)
        async with asyncio.timeout(10):
            await told.wait()
        draining = asyncio.create_task(crew.worker.drain(0))
        await asyncio.sleep(0.1)  # its deadline is over; what has failed is still told of
        go_on.set()
        assert await draining
        assert await handle.state() == "failed"


@pytest.mark.parametrize("ends", ["raises", "returns"])
async def test_a_handler_that_cancels_its_own_task_and_awaits_nothing_more_ends_its_job(
    client: JobClient, registry: JobRegistry, settings: Settings, ends: str
) -> None:
    heard: list[object] = []

    @job("crawl", attempts=1, registry=registry)
    async def crawl(data: str, ctx: JobContext) -> str:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        if data == "raises":
            raise ValueError("nothing in it")
        return data

    @registry.hooks.on_end
    async def hear(event: JobEvent[object, object]) -> None:
        await asyncio.sleep(0)
        heard.append(event.result)

    async with Crew(registry, settings):
        handle = await crawl.trigger(ends, client=client)
        if ends == "returns":
            assert await handle.result("10s") == ends
        else:
            with pytest.raises(JobFailedError, match="nothing in it"):
                await handle.result("10s")
    assert heard == [ends if ends == "returns" else None]


@pytest.mark.parametrize("field", ["data", "opts"])
async def test_a_stored_field_that_is_not_json_fails_the_job_once_and_clearly(
    client: JobClient, registry: JobRegistry, settings: Settings, redis: Redis, field: str
) -> None:
    raising = raising_job(registry)
    broken = await raising.trigger("fine", client=client)
    await redis.hset(f"{settings.redis_prefix}:default:{broken.id}", field, "{not json")
    async with Crew(registry, settings):
        good = await raising.trigger("fine", client=client)
        assert await good.result("10s") == "fine"
        with pytest.raises(JobFailedError, match="can't be read"):
            await broken.result("10s")


async def test_a_count_of_attempts_that_is_no_number_does_not_stop_the_worker(
    client: JobClient, registry: JobRegistry, settings: Settings, redis: Redis
) -> None:
    raising = raising_job(registry)
    broken = await raising.trigger("fine", client=client)
    await redis.hset(f"{settings.redis_prefix}:default:{broken.id}", "atm", "many")
    async with Crew(registry, settings):
        good = await raising.trigger("fine", client=client)
        assert await good.result("10s") == "fine"


async def test_a_backoff_of_an_unknown_type_still_lets_the_job_fail_and_be_tried_again(
    client: JobClient, registry: JobRegistry, settings: Settings, redis: Redis
) -> None:
    calls: list[int] = []

    async def handle(data: int, ctx: JobContext) -> None:
        calls.append(data)
        raise RuntimeError("no")

    failing = job("fail", int, handle, attempts=2, registry=registry)
    triggered = await failing.trigger(1, client=client)
    key = f"{settings.redis_prefix}:default:{triggered.id}"
    opts = json.loads(str(await redis.hget(key, "opts")))
    await redis.hset(key, "opts", json.dumps({**opts, "backoff": {"type": "of-a-plugin", "delay": 1}}))
    async with Crew(registry, settings):

        async def is_delayed() -> bool:
            return await triggered.state() == "delayed"

        await eventually(is_delayed, "the failed attempt is put off")
    assert calls == [1]


async def test_a_rate_limit_holds_and_costs_no_more_than_it_has_to(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    starts: list[float] = []

    async def handle(data: int, ctx: JobContext) -> None:
        starts.append(asyncio.get_running_loop().time())

    queues = QueueRegistry()
    registry = JobRegistry(queues)
    slow = queue("slow", rate_limit=RateLimit(5, "500ms"), registry=queues)
    limited = job("limited", int, handle, queue=slow, registry=registry)
    handles = await limited.batch_trigger([{"payload": n} for n in range(20)], client=client)
    async with Crew(registry, settings):
        for each in handles:
            await each.result("15s")
    assert 1.3 < starts[-1] - starts[0] < 3.5  # 4 windows of 5; with bullmq's drain delay it is 15 s
    assert all(later - earlier > 0.3 for earlier, later in zip(starts, starts[6:], strict=False))


async def test_workers_are_named_in_redis_as_node_names_them(
    client: JobClient, registry: JobRegistry, settings: Settings, redis: Redis
) -> None:
    async def handle(data: int, ctx: JobContext) -> None: ...

    job("count", int, handle, queue="two words", registry=registry)
    name = client_name(settings.redis_prefix, "two words")
    async with Crew(registry, settings):

        async def is_listed() -> bool:
            # redis-py's client_list has no types that a strict checker takes.
            listed = await redis.client_list()  # pyright: ignore[reportUnknownMemberType]
            return name in [entry["name"] for entry in listed]

        await eventually(is_listed, f"a client is named {name}")
    assert name.endswith(":dHdvIHdvcmRz")


async def test_concurrency_is_used_and_never_exceeded(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    running, peak, full = 0, 0, asyncio.Event()

    async def handle(data: int, ctx: JobContext) -> None:
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        if running == 4:
            full.set()
        await asyncio.wait_for(full.wait(), 10)
        await asyncio.sleep(0)
        running -= 1

    counting = job("count", int, handle, registry=registry)
    handles = [await counting.trigger(n, client=client) for n in range(20)]
    async with Crew(registry, settings, configs=(WorkerConfig(queue="default", concurrency=4),)):
        for each in handles:
            await each.result("15s")
    assert peak == 4
