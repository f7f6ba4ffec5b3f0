"""What jobs may have, all on one job: what each means for the others, as docs/guide/together.md says it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, cast

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from midday_worker import (
    AttemptCall,
    AttemptNext,
    BatchContext,
    BatchOptions,
    Depends,
    EnqueueCall,
    EnqueueNext,
    JobClient,
    JobContext,
    JobDefinition,
    JobEvent,
    JobFailedError,
    JobHandle,
    JobNotFoundError,
    JobRegistry,
    Payload,
    PerKey,
    QueueRegistry,
    Settings,
    job,
    queue,
)
from midday_worker.admin import parked_jobs
from midday_worker.databases import create_database
from midday_worker.engine.wire.options import version_of
from midday_worker.outbox.relay import Relay
from midday_worker.outbox.table import make_table
from tests.deadline import eventually
from tests.integration.crew import Crew

seen: list[str] = []
"""What happened, in order: the dependency and the middleware of an attempt, and the handler."""


class Order(Payload):
    number: int
    team: str | None = None
    fails: bool = False


async def opened(ctx: JobContext) -> AsyncIterator[str]:
    number = cast("dict[str, int]", ctx.job.data)["number"]
    seen.append(f"opened {number}")
    try:
        yield "it"
    except BaseException as error:
        seen.append(type(error).__name__)
        raise
    finally:
        seen.append("closed")


class Shop:
    """A job with all of it, and when its handlers may end."""

    def __init__(self, registry: JobRegistry) -> None:
        self.go_on = asyncio.Event()
        self.queue = queue("shop", limits=[PerKey("team", concurrency=1)], registry=registry.queues)
        go_on = self.go_on

        @job("order", queue=self.queue, registry=registry, attempts=2, backoff="300ms", version=2)
        async def order(data: Order, ctx: JobContext, _: Annotated[str, Depends(opened)]) -> int:
            seen.append(f"run {data.number}")
            await go_on.wait()
            if data.fails and ctx.job.attemptsMade == 0:
                raise ValueError("the first attempt")
            return data.number

        @order.upcast(from_version=1)
        def _(old: dict[str, object]) -> dict[str, object]:
            return {"number": old["no"], "team": old["squad"]}

        @order.middleware.around_attempt
        async def attempt(call: AttemptCall[Order], call_next: AttemptNext[Order, int]) -> int:
            seen.append(f"attempt {call.attempt} at {call.payload.number}")
            return await call_next(call)

        @order.middleware.around_enqueue
        async def numbered(call: EnqueueCall[Order], call_next: EnqueueNext[Order]) -> str:
            seen.append(f"add {call.payload.number}")
            return await call_next(call.replace(call.payload.model_copy(update={"number": call.payload.number + 100})))

        @order.hooks.on_failure
        async def failed(event: JobEvent[Order, int]) -> None:
            seen.append(f"failed {event.payload.number if event.payload else None}")

        self.order: JobDefinition[Order, int] = order

    async def until(self, line: str) -> None:
        async def is_seen() -> bool:
            return line in seen

        await eventually(is_seen, line)

    async def until_parked(self, client: JobClient, count: int) -> None:
        async def are() -> bool:
            return await parked_jobs(client.queue(self.queue)) == count

        await eventually(are, f"{count} parked")


@pytest.fixture
def registry() -> JobRegistry:
    return JobRegistry(QueueRegistry())


@pytest.fixture
def shop(registry: JobRegistry) -> Shop:
    seen.clear()
    return Shop(registry)


async def test_who_has_no_place_has_begun_nothing_and_may_be_cancelled_or_be_too_late(
    shop: Shop, client: JobClient, settings: Settings, registry: JobRegistry
) -> None:
    async with Crew(registry, settings):
        first = await shop.order.trigger(Order(number=1, team="a"), client=client)
        await shop.until("run 101")
        cancelled = await shop.order.trigger(Order(number=2, team="a"), client=client)
        late = await shop.order.trigger(Order(number=3, team="a"), client=client, deadline="400ms")
        await shop.until_parked(client, 2)
        assert await cancelled.cancel() == "cancelled"
        await asyncio.sleep(0.5)  # the deadline passes
        assert await late.state() == "delayed"
        shop.go_on.set()
        assert await first.result(timeout="30s") == 101
        with pytest.raises(JobFailedError, match="deadline"):
            await late.result(timeout="30s")
    assert seen == ["add 1", "attempt 1 at 101", "opened 101", "run 101", "add 2", "add 3", "closed", "failed 103"]
    assert (await late.fetch()).attemptsMade == 1


async def test_a_job_that_is_tried_again_gives_its_place_back_and_begins_anew(
    shop: Shop, client: JobClient, settings: Settings, registry: JobRegistry
) -> None:
    shop.go_on.set()
    async with Crew(registry, settings):
        fails = await shop.order.trigger(Order(number=1, team="a", fails=True), client=client)
        await shop.until("ValueError")
        meanwhile = await shop.order.trigger(Order(number=2, team="a"), client=client)
        assert await meanwhile.result(timeout="30s") == 102
        assert await fails.result(timeout="30s") == 101
    begun = [line for line in seen if not line.startswith("add")]
    assert begun == [
        *("attempt 1 at 101", "opened 101", "run 101", "ValueError", "closed", "failed 101"),
        *("attempt 1 at 102", "opened 102", "run 102", "closed"),
        *("attempt 2 at 101", "opened 101", "run 101", "closed"),
    ]


async def test_an_older_payload_is_brought_up_before_anybody_sees_it_but_limits_read_what_is_stored(
    shop: Shop, client: JobClient, settings: Settings, registry: JobRegistry
) -> None:
    found = client.queue(shop.queue)
    old = [await found.add("order", {"no": number, "squad": "a", "number": number}, {}) for number in (1, 2)]
    async with Crew(registry, settings):
        await shop.until("run 1")
        await shop.until("run 2")  # both at once: the stored payload has no `team`
        shop.go_on.set()
        for each in old:
            await shop.order.handle(each.id, client=client).result(timeout="30s")
    assert {"attempt 1 at 1", "attempt 1 at 2"} <= set(seen)


async def test_an_older_payload_has_its_required_key_if_its_newest_form_has_it(
    client: JobClient, settings: Settings, registry: JobRegistry
) -> None:
    strict = queue("strict", limits=[PerKey("team", concurrency=1, required=True)], registry=registry.queues)

    @job("order", queue=strict, registry=registry, version=2)
    async def order(data: Order, ctx: JobContext) -> int:
        return data.number

    @order.upcast(from_version=1)
    def _(old: dict[str, object]) -> dict[str, object]:
        return {"number": old["no"], "team": old["squad"]}

    async def add(squad: str) -> JobHandle[int]:
        added = await client.queue(strict).add("order", {"no": 1, "squad": squad}, {})
        return order.handle(added.id, client=client)

    async with Crew(registry, settings):
        assert await (await add("a")).result(timeout="30s") == 1
        with pytest.raises(JobFailedError, match="team: the queue's limit per key needs"):
            await (await add("")).result(timeout="30s")


async def test_a_batch_has_no_more_jobs_of_a_key_than_have_places(
    client: JobClient, settings: Settings, registry: JobRegistry
) -> None:
    sizes: list[int] = []
    pairs = queue("pairs", limits=[PerKey("team", concurrency=2)], registry=registry.queues)

    @job("order", queue=pairs, registry=registry, batch=BatchOptions(max_size=5, max_wait="200ms"))
    async def order(data: list[Order], ctx: BatchContext) -> list[int | Exception]:
        sizes.append(len(data))
        return [*(each.number for each in data)]

    async with Crew(registry, settings):
        added = [await order.trigger(Order(number=number, team="a"), client=client) for number in range(6)]
        assert [await each.result(timeout="30s") for each in added] == list(range(6))
    assert max(sizes) <= 2


async def test_a_transaction_s_job_passes_its_middleware_at_the_trigger_and_keys_when_it_is_added(
    shop: Shop, client: JobClient, settings: Settings, registry: JobRegistry, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/outbox.db"
    database = create_database(url)
    async with database.engine().begin() as connection:
        await connection.run_sync(make_table)
    shop.go_on.set()
    async with AsyncSession(database.engine()) as session:
        first = await shop.order.trigger(Order(number=1, team="a"), session=session, client=client, idempotency_key="k")
        again = await shop.order.trigger(Order(number=1, team="a"), session=session, client=client, idempotency_key="k")
        assert seen == ["add 1", "add 1"]
        with pytest.raises(JobNotFoundError):
            await first.cancel()
        await session.commit()
    relay = Relay(url, client)
    assert await relay.relay_some() == 2
    assert version_of((await first.fetch()).opts) == 2
    await relay.dispose()
    await database.dispose()
    assert await parked_jobs(client.queue(shop.queue)) == 0
    async with Crew(registry, settings):
        assert await first.result(timeout="30s") == 101
        assert await again.result(timeout="30s") == 101
    assert seen.count("run 101") == 1


async def test_a_key_counts_while_its_job_has_no_place_and_when_it_was_cancelled(
    shop: Shop, client: JobClient, settings: Settings, registry: JobRegistry
) -> None:
    async with Crew(registry, settings):
        await shop.order.trigger(Order(number=1, team="a"), client=client)
        await shop.until("run 101")
        parked = await shop.order.trigger(Order(number=2, team="a"), client=client, idempotency_key="k")
        throttled = await shop.order.trigger(Order(number=3, team="a"), client=client, throttle=("t", "1h"))
        await shop.until_parked(client, 2)
        again = await shop.order.trigger(Order(number=2, team="a"), client=client, idempotency_key="k")
        third = await shop.order.trigger(Order(number=3, team="a"), client=client, throttle=("t", "1h"))
        assert (again.added, again.id, third.added, third.id) == (False, parked.id, False, throttled.id)
        await parked.cancel()
        await throttled.cancel()
        third = await shop.order.trigger(Order(number=3, team="a"), client=client, throttle=("t", "1h"))
        assert (third.added, third.id) == (False, throttled.id)
        after = await shop.order.trigger(Order(number=2, team="a"), client=client, idempotency_key="k")
        assert (after.added, after.id) == (False, parked.id)
        shop.go_on.set()


async def test_a_debounced_job_that_has_no_place_is_due_and_not_replaced_any_more(
    shop: Shop, client: JobClient, settings: Settings, registry: JobRegistry
) -> None:
    async with Crew(registry, settings):
        await shop.order.trigger(Order(number=1, team="a"), client=client)
        await shop.until("run 101")
        due = await shop.order.trigger(Order(number=2, team="a"), client=client, debounce=("d", "200ms"))
        await shop.until_parked(client, 1)
        newest = await shop.order.trigger(Order(number=3, team="a"), client=client, debounce=("d", "200ms"))
        assert newest.added
        shop.go_on.set()
        assert await newest.result(timeout="30s") == 103
        assert await due.result(timeout="30s") == 102


async def test_a_schedule_makes_no_further_run_while_one_has_no_place(
    shop: Shop, client: JobClient, settings: Settings, registry: JobRegistry
) -> None:
    async with Crew(registry, settings):
        await shop.order.trigger(Order(number=1, team="a"), client=client)
        await shop.until("run 101")
        schedule = await shop.order.trigger_recurring(Order(number=2, team="a"), every="200ms", client=client)
        await shop.until_parked(client, 1)
        await asyncio.sleep(1)  # five times its interval
        assert await parked_jobs(client.queue(shop.queue)) == 1
        shop.go_on.set()

        async def goes_on() -> bool:
            return seen.count("run 102") > 2

        await eventually(goes_on, "the schedule goes on")
        await schedule.remove()
