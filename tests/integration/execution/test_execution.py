"""One attempt after another, as the worker makes them on a real Redis."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from redis.asyncio import Redis

from midday_worker import (
    JobClient,
    JobContext,
    JobFailedError,
    JobRegistry,
    NonRetryableError,
    Payload,
    RetryAfter,
    Settings,
    SyncJobContext,
    job,
)
from midday_worker.request import JobRequest
from tests.deadline import eventually
from tests.integration.crew import Crew


class Order(Payload):
    order_id: str
    amounts: tuple[int, ...] = ()


class Receipt(Payload):
    receipt_id: UUID
    issued_at: datetime
    due_on: date
    total: Decimal
    labels: set[str]
    grace: timedelta


async def add_unchecked(client: JobClient, name: str, data: object) -> str:
    """Add a job as a producer that validates nothing would."""
    anything = job(name, dict[str, object], lambda _data, _ctx: None, registry=JobRegistry())
    request: JobRequest = anything.node(data)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - on purpose
    return await client.enqueue(request)


async def test_an_invalid_stored_payload_fails_at_once_with_its_field_paths_and_keeps_its_data(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    calls: list[Order] = []

    async def handle(data: Order, ctx: JobContext) -> None:
        calls.append(data)

    job("ship", Order, handle, attempts=5, registry=registry)
    job_id = await add_unchecked(client, "ship", {"amounts": [1, "many"]})
    async with Crew(registry, settings):
        ended = await client.wait_for("default", job_id).ending
    stored = await client.find("default", job_id)
    assert stored is not None
    assert "orderId: " in ended.reason
    assert "amounts.1: " in ended.reason
    assert "many" not in ended.reason  # a reason never quotes the payload
    assert (ended.attempts, stored.data, calls) == (1, {"amounts": [1, "many"]}, [])


async def test_the_handler_gets_the_parsed_value(client: JobClient, registry: JobRegistry, settings: Settings) -> None:
    async def handle(data: Order, ctx: JobContext) -> list[int]:
        return [*data.amounts, 1]

    ship = job("ship", Order, handle, registry=registry)
    async with Crew(registry, settings):
        triggered = await ship.trigger({"orderId": "o1", "amounts": ["41"]}, client=client)
        assert await triggered.result("10s") == [41, 1]


async def test_a_non_retryable_error_uses_no_further_attempt(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    async def handle(data: Order, ctx: JobContext) -> None:
        raise NonRetryableError("the order was cancelled")

    ship = job("ship", Order, handle, attempts=5, registry=registry)
    async with Crew(registry, settings):
        with pytest.raises(JobFailedError, match="the order was cancelled") as caught:
            await (await ship.trigger(Order(order_id="o1"), client=client)).result("10s")
    assert caught.value.attempts == 1


async def test_retry_after_waits_as_long_as_it_says_and_uses_an_attempt(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    starts: list[float] = []

    async def handle(data: Order, ctx: JobContext) -> int:
        starts.append(asyncio.get_running_loop().time())
        if len(starts) == 1:
            raise RetryAfter("300ms")
        return ctx.job.attemptsMade

    ship = job("ship", Order, handle, attempts=2, backoff="1h", registry=registry)
    async with Crew(registry, settings):
        assert await (await ship.trigger(Order(order_id="o1"), client=client)).result("10s") == 1
    assert 0.3 <= starts[1] - starts[0] < 2


async def test_attempts_are_spaced_by_the_backoff(client: JobClient, registry: JobRegistry, settings: Settings) -> None:
    starts: list[float] = []

    async def handle(data: Order, ctx: JobContext) -> None:
        starts.append(asyncio.get_running_loop().time())
        raise RuntimeError(f"attempt {len(starts)}")

    ship = job("ship", Order, handle, attempts=3, backoff={"type": "exponential", "delay": "200ms"}, registry=registry)
    async with Crew(registry, settings):
        with pytest.raises(JobFailedError) as caught:
            await (await ship.trigger(Order(order_id="o1"), client=client)).result("10s")
    assert (caught.value.reason, caught.value.attempts) == ("attempt 3", 3)
    assert [f"attempt {n}" in stack for n, stack in enumerate(caught.value.stacktrace, 1)] == [True] * 3
    first, second = starts[1] - starts[0], starts[2] - starts[1]
    assert 0.2 <= first < 1.2
    assert 0.4 <= second < 1.4


@pytest.mark.parametrize("where", ["job", "call"])
async def test_an_attempt_that_takes_longer_than_its_timeout_is_cancelled_and_fails(
    client: JobClient, registry: JobRegistry, settings: Settings, where: str
) -> None:
    cancelled = asyncio.Event()

    async def handle(data: Order, ctx: JobContext) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    ship = job("ship", Order, handle, attempts=1, timeout="100ms" if where == "job" else "1h", registry=registry)
    async with Crew(registry, settings):
        triggered = await ship.trigger(Order(order_id="o1"), client=client, timeout="100ms")
        with pytest.raises(JobFailedError, match="longer than its timeout of 100 ms"):
            await triggered.result("10s")
    assert cancelled.is_set()


async def test_results_that_json_does_not_know_travel(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    receipt = Receipt(
        receipt_id=UUID(int=7),
        issued_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        due_on=date(2026, 2, 1),
        total=Decimal("19.90"),
        labels={"a", "b"},
        grace=timedelta(days=3),
    )

    async def handle(data: Order, ctx: JobContext) -> Receipt:
        return receipt

    ship = job("ship", Order, handle, registry=registry)
    async with Crew(registry, settings):
        triggered = await ship.trigger(Order(order_id="o1"), client=client)
        assert await triggered.result("10s") == receipt
    stored = (await triggered.fetch()).returnvalue
    assert isinstance(stored, dict)
    assert (stored["receiptId"], stored["total"], stored["dueOn"]) == (str(UUID(int=7)), "19.90", "2026-02-01")


async def test_a_result_that_cannot_be_dumped_fails_the_job_without_a_retry_and_names_its_type(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    calls: list[str] = []

    async def handle(data: Order, ctx: JobContext) -> object:
        calls.append(data.order_id)
        return threading.Lock()

    ship = job("ship", Order, handle, attempts=3, registry=registry)
    async with Crew(registry, settings):
        with pytest.raises(JobFailedError, match="lock, can't be stored"):
            await (await ship.trigger(Order(order_id="o1"), client=client)).result("10s")
    assert calls == ["o1"]


async def test_a_plain_function_runs_in_a_thread_and_does_not_block_other_jobs(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    release = threading.Event()

    def block(data: Order, ctx: SyncJobContext) -> str:
        assert release.wait(10)
        return threading.current_thread().name

    async def unblock(data: Order, ctx: JobContext) -> None:
        release.set()

    blocking = job("block", Order, block, registry=registry)
    freeing = job("unblock", Order, unblock, registry=registry)
    async with Crew(registry, settings):
        blocked = await blocking.trigger(Order(order_id="o1"), client=client)
        await freeing.trigger(Order(order_id="o1"), client=client)
        assert await blocked.result("10s") != threading.main_thread().name


async def test_progress_and_log_lines_are_stored_as_they_are_told(
    client: JobClient, registry: JobRegistry, settings: Settings, redis: Redis
) -> None:
    seen, release = asyncio.Event(), asyncio.Event()

    async def handle(data: Order, ctx: JobContext) -> None:
        await ctx.update_progress(50)
        await ctx.log("half way")
        seen.set()
        await release.wait()
        await ctx.update_progress({"step": "packing", "of": 3})

    ship = job("ship", Order, handle, registry=registry)
    async with Crew(registry, settings):
        triggered = await ship.trigger(Order(order_id="o1"), client=client)
        await asyncio.wait_for(seen.wait(), 10)
        assert (await triggered.fetch()).progress == 50
        release.set()
        await triggered.result("10s")
    assert (await triggered.fetch()).progress == {"step": "packing", "of": 3}
    assert await redis.lrange(f"{settings.redis_prefix}:default:{triggered.id}:logs", 0, -1) == ["half way"]


async def test_a_job_of_an_unknown_name_is_parked_and_runs_once_a_worker_knows_it(
    client: JobClient, registry: JobRegistry, settings: Settings
) -> None:
    async def handle(data: Order, ctx: JobContext) -> int:
        return ctx.job.attemptsMade

    job("pack", Order, handle, registry=registry)
    job_id = await add_unchecked(client, "ship", {"orderId": "o1"})
    async with Crew(registry, settings):

        async def is_parked() -> bool:
            return await client.state("default", job_id) == "delayed"

        await eventually(is_parked, "the unknown job is parked")
    job("ship", Order, handle, registry=registry)
    parked = await client.find("default", job_id)
    assert parked is not None
    await parked.changeDelay(0)
    async with Crew(registry, settings):
        ended = await client.wait_for("default", job_id).ending
    assert (ended.outcome, ended.value) == ("completed", 0)


async def test_a_job_of_an_unknown_name_fails_clearly_in_the_end(client: JobClient, registry: JobRegistry) -> None:
    async def handle(data: Order, ctx: JobContext) -> None: ...

    settings = client.settings.model_copy(update={"unknown_job_retries": 0})
    job("ship-order", Order, handle, registry=registry)
    job_id = await add_unchecked(client, "ship-ordre", {"orderId": "o1"})
    async with Crew(registry, settings):
        ended = await client.wait_for("default", job_id).ending
    assert "Did you mean 'ship-order'?" in ended.reason
