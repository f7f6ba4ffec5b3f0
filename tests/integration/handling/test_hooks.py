"""Hooks in a worker on a real Redis: per registry, queue and job, around the attempts of plain and batch handlers."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from redis.asyncio import Redis

from midday_worker import (
    BatchContext,
    BatchOptions,
    JobClient,
    JobContext,
    JobEvent,
    JobFailedError,
    JobRegistry,
    RetryAfter,
    Settings,
    job,
)
from midday_worker.handling.hooks import Hooks
from tests.deadline import eventually
from tests.integration.crew import Crew
from tests.integration.execution.test_execution import Order, add_unchecked

Heard = list[tuple[object, ...]]


def listen(hooks: Hooks[object, object], heard: Heard, name: str) -> None:
    def hear(moment: str, event: JobEvent[object, object]) -> None:
        error = None if event.error is None else str(event.error)
        heard.append((name, moment, event.attempt, event.result, error, event.will_retry))

    hooks.on_start(lambda event: hear("start", event))
    hooks.on_success(lambda event: hear("success", event))
    hooks.on_failure(lambda event: hear("failure", event))
    hooks.on_exhausted(lambda event: hear("exhausted", event))
    hooks.on_end(lambda event: hear("complete", event))


async def test_the_whole_life_of_a_job_is_told_to_registry_queue_and_job(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    heard: Heard = []

    @job("shaky", queue="quakes", attempts=2, backoff=0, registry=registry)
    async def shaky(data: int, ctx: JobContext) -> int:
        if ctx.job.attemptsMade == 0:
            raise ValueError("not yet")
        return data * 2

    listen(registry.hooks, heard, "registry")
    listen(registry.hooks_of("quakes"), heard, "queue")
    listen(registry.hooks_of("elsewhere"), heard, "elsewhere")

    @shaky.hooks.on_success
    async def tell(event: JobEvent[int, int]) -> None:
        heard.append(("job", "success", event.payload, event.result, event.job.id))

    async with Crew(registry, settings):
        handle = await shaky.trigger(21, client=client)
        assert await handle.result("10s") == 42
    assert heard == [
        *[(level, "start", 1, None, None, False) for level in ("registry", "queue")],
        *[(level, "failure", 1, None, "not yet", True) for level in ("registry", "queue")],
        *[(level, "start", 2, None, None, False) for level in ("registry", "queue")],
        *[(level, "success", 2, 42, None, False) for level in ("registry", "queue")],
        ("job", "success", 21, 42, handle.id),
        *[(level, "complete", 2, 42, None, False) for level in ("registry", "queue")],
    ]


async def test_a_start_that_is_refused_fails_the_attempt_by_the_job_s_own_retries(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    refusals = iter([ValueError("not yet"), RetryAfter(1, "busy")])

    @job("shaky", attempts=3, backoff=0, registry=registry)
    async def shaky(data: int, ctx: JobContext) -> int:
        return ctx.job.attemptsMade

    @shaky.hooks.on_start
    async def refuse(event: JobEvent[int, int]) -> None:
        refusal = next(refusals, None)
        if refusal is not None:
            raise refusal

    heard: Heard = []
    listen(registry.hooks, heard, "registry")
    async with Crew(registry, settings):
        assert await (await shaky.trigger(1, client=client)).result("10s") == 2
    assert [what[1:] for what in heard if what[1] == "failure"] == [
        ("failure", 1, None, "not yet", True),
        ("failure", 2, None, "busy", True),
    ]


async def test_hooks_that_fail_change_no_outcome(client: JobClient, registry: JobRegistry, settings: Settings) -> None:
    called: list[str] = []

    def broken(event: JobEvent[object, object]) -> None:
        called.append(event.job.name)
        raise SystemExit("a hook")

    for add in (registry.hooks.on_success, registry.hooks.on_failure, registry.hooks.on_exhausted):
        add(broken)
    registry.hooks.on_end(broken)

    @job("works", registry=registry)
    async def works(data: int, ctx: JobContext) -> int:
        return data

    @job("fails", attempts=1, registry=registry)
    async def fails(data: int, ctx: JobContext) -> int:
        raise ValueError("its own")

    async with Crew(registry, settings):
        assert await (await works.trigger(1, client=client)).result("10s") == 1
        with pytest.raises(JobFailedError, match="its own"):
            await (await fails.trigger(1, client=client)).result("10s")
    assert called == ["works"] * 2 + ["fails"] * 3


async def test_a_stored_payload_that_is_invalid_is_told_as_a_final_failure(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    events: list[JobEvent[object, object]] = []
    registry.hooks.on_start(events.append)
    registry.hooks.on_exhausted(events.append)
    job("ship", Order, lambda _data, _ctx: None, attempts=5, registry=registry)
    job_id = await add_unchecked(client, "ship", {"no": "order"})
    async with Crew(registry, settings):
        await client.wait_for("default", job_id).ending
    assert [(event.job.id, event.payload, event.attempt, event.will_retry) for event in events] == [
        (job_id, None, 1, False)
    ]


async def test_each_job_of_a_batch_is_told_of(client: JobClient, registry: JobRegistry, settings: Settings) -> None:
    heard: Heard = []

    @job("square", batch=BatchOptions(max_size=2, max_wait="2s"), attempts=1, registry=registry)
    async def square(data: list[int], ctx: BatchContext) -> list[int | Exception]:
        return [item * item if item > 0 else ValueError("negative") for item in data]

    listen(registry.hooks, heard, "registry")
    handles = await square.batch_trigger([{"payload": 3}, {"payload": -3}], client=client)
    async with Crew(registry, settings):
        await asyncio.gather(*(handle.result("10s") for handle in handles), return_exceptions=True)
    ended = sorted(str(what[1:]) for what in heard if what[1] == "complete")
    assert ended == [
        "('complete', 1, 9, None, False)",
        "('complete', 1, None, 'negative', False)",
    ]


async def test_an_attempt_that_is_handed_back_has_not_failed(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    heard: Heard = []

    @job("hold", registry=registry)
    async def hold(data: int, ctx: JobContext) -> None:
        await asyncio.Event().wait()

    listen(registry.hooks, heard, "registry")
    handle = await hold.trigger(1, client=client)
    async with Crew(registry, settings) as crew:

        async def started() -> bool:
            return bool(heard)

        await eventually(started, "the job has started")
        assert not await crew.worker.drain(0)
    assert [what[1] for what in heard] == ["start"]
    assert await handle.state() == "waiting"


async def test_a_job_that_comes_too_late_is_told_as_a_final_failure_that_never_started(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    heard: Heard = []

    @job("late", attempts=5, registry=registry)
    async def late(data: int, ctx: JobContext) -> None:
        raise AssertionError("it ran")

    listen(registry.hooks, heard, "registry")
    handle = await late.trigger(1, deadline="1ms", client=client)
    await asyncio.sleep(0.01)  # the deadline passes
    async with Crew(registry, settings):
        with pytest.raises(JobFailedError, match="its deadline"):
            await handle.result("10s")
    assert [(what[1], what[2], what[5]) for what in heard] == [
        ("failure", 1, False),
        ("exhausted", 1, False),
        ("complete", 1, False),
    ]


async def test_a_parent_that_fails_by_its_child_is_told_of(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    heard: Heard = []

    @job("parent", registry=registry)
    async def parent(data: int, ctx: JobContext) -> None:
        raise AssertionError("it ran")

    @job("child", attempts=1, registry=registry)
    async def child(data: int, ctx: JobContext) -> None:
        raise ValueError("no")

    listen(parent.hooks, heard, "parent")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - told of any job
    handle = await parent.trigger_flow(1, [child.node(1)], client=client)
    async with Crew(registry, settings) as crew:
        with pytest.raises(JobFailedError, match=r"child .* failed"):
            await handle.result("10s")
        assert crew.tallies["default"].of("parent").started == 0
    assert [what[1] for what in heard] == ["failure", "exhausted", "complete"]


async def test_a_job_that_was_cancelled_between_two_attempts_is_told_of_and_counted_as_cancelled(
    client: JobClient, registry: JobRegistry, settings: Settings, redis: Redis
) -> None:
    heard: Heard = []

    @job("shaky", attempts=3, backoff=0, registry=registry)
    async def shaky(data: int, ctx: JobContext) -> None:
        # As a cancel does it that comes when the failure is stored already.
        await redis.hset(f"{settings.redis_prefix}:default:{ctx.job.id}", "defa", "cancelled: enough")
        raise ValueError("no")

    listen(registry.hooks, heard, "registry")
    handle = await shaky.trigger(1, client=client)
    async with Crew(registry, settings) as crew:
        with pytest.raises(JobFailedError, match="cancelled: enough"):
            await handle.result("10s")
        counts = crew.tallies["default"].of("shaky")
        assert (counts.started, counts.retried, counts.cancelled, counts.exhausted) == (1, 1, 1, 0)
    assert [(what[1], what[2], what[5]) for what in heard] == [
        ("start", 1, False),
        ("failure", 1, True),
        ("failure", 2, False),
        ("exhausted", 2, False),
        ("complete", 2, False),
    ]


@pytest.mark.parametrize("cancel", [False, True])
async def test_a_handler_that_can_not_be_stopped_fails_by_its_definition_and_is_told_of_at_once(
    client: JobClient, registry: JobRegistry, settings: Settings, cancel: bool
) -> None:
    quick = settings.model_copy(update={"cancel_grace": 50, "cut_grace": 50})
    heard: Heard = []
    release, started = asyncio.Event(), asyncio.Event()

    @job("stubborn", attempts=3, backoff=0, fail_on=TimeoutError, registry=registry)
    async def stubborn(data: int, ctx: JobContext) -> None:
        started.set()
        while not release.is_set():
            with suppress(asyncio.CancelledError):
                await release.wait()

    listen(registry.hooks, heard, "registry")
    told = ["start", "failure", "exhausted", "complete"]
    async with Crew(registry, quick):
        handle = await stubborn.trigger(1, timeout=None if cancel else "30ms", client=client)
        await started.wait()
        if cancel:
            await handle.cancel()
        try:
            with pytest.raises(JobFailedError) as failed:
                await handle.result("10s")
            assert failed.value.attempts == 1
            assert [what[1] for what in heard] == told
        finally:
            release.set()
    assert [what[1] for what in heard] == told
