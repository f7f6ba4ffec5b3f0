"""Calls that a type checker must refuse: each marked line, and no other. Never run."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session
from sqlalchemy.orm import Session, scoped_session

from midday_worker import JobContext, Payload, as_completed, job, results
from midday_worker.testing import child_result, recording_client, run_job


class Order(Payload):
    order_id: str


class Other(Payload):
    other_id: str


class Receipt(Payload):
    total: int


@job("bill", attempts=3)
async def bill(data: Order, ctx: JobContext) -> Receipt:
    return Receipt(total=1)


@job("count")
async def count(data: list[int], ctx: JobContext) -> int:
    return len(data)


@job("sweep")
async def sweep(data: None, ctx: JobContext) -> int:
    return 1


order = Order(order_id="o1")


async def wrong_acts() -> None:
    handle = await bill.trigger(order)
    await handle.cancel(reason=5)  # error: no text
    await handle.reschedule(None)  # error: no duration
    await handle.change_priority("high")  # error: no number
    await handle.retry(True)  # error: by its name only
    await handle.remove(True)  # error: by its name only
    await handle.promote("now")  # error: it takes nothing
    await handle.update_data()  # error: no payload
    if await handle.cancel() == "canceled":  # error: no such outcome
        return


async def wrong_keys() -> None:
    await bill.trigger(order, idempotency_key=5)  # error: no text
    await bill.trigger(order, throttle="u1")  # error: no duration
    await bill.trigger(order, debounce=("u1", None))  # error: no duration
    await bill.trigger_delayed(order, "3d", debounce=("u1", "5s"))  # error: it is the delay
    job("ship", throttle=("u1", "5s"))(count.handler)  # error: of a call only


async def wrong_payloads() -> None:
    await bill.trigger(Other(other_id="o1"))  # error: another model
    await bill.trigger("o1")  # error: no model
    await count.trigger(["one"])  # error: items of another type
    await bill.trigger_delayed(Other(other_id="o1"), "3d")  # error: another model
    await bill.trigger_recurring(Other(other_id="o1"), "0 9 * * *")  # error: another model
    await bill.schedule_for(Other(other_id="o1"), every="1h", id="o1")  # error: another model
    await bill.batch_trigger([{"payload": Other(other_id="o1")}])  # error: another model
    await bill.trigger_flow(Other(other_id="o1"), children=[])  # error: another model
    bill.node(Other(other_id="o1"))  # error: another model
    await bill.trigger()  # error: no payload
    await sweep.trigger(order)  # error: a payload for a job without
    await sweep.trigger(attemps=3)  # error: misspelt option
    bill.node()  # error: no payload
    sweep.node(order)  # error: a payload for a job without
    bill.sync.trigger()  # error: no payload
    sweep.sync.trigger(order)  # error: a payload for a job without
    await run_job(bill, Other(other_id="o1"))  # error: another model
    Order(oder_id="o1")  # error: misspelt field


async def names_of_other_libraries() -> None:
    bill(order)  # error: a job isn't called
    bill.delay(order)  # error: it is trigger
    bill.apply_async(order)  # error: it is trigger
    bill.sync.enqueue(order)  # error: it is trigger
    await bill.trigger(order, countdown=5)  # error: it is delay
    await bill.trigger_recurring(order, cron="0 9 * * *")  # error: it is pattern


async def wrong_options() -> None:
    await bill.trigger(order, attemps=3)  # error: misspelt option
    await bill.trigger(order, attempts="3")  # error: text for a number
    await bill.trigger(order, delay=1.5)  # error: no duration
    await bill.trigger(order, timeout=1.5)  # error: no duration
    await bill.trigger(order, deadline=1.5)  # error: neither a duration nor a moment
    await bill.trigger(order, retry_on_timeout="no")  # error: a text for a flag
    await bill.trigger(order, backoff={"type": "linear", "delay": 5})  # error: unknown kind
    await bill.trigger(order, remove_on_fail={"counts": 5})  # error: misspelt key
    await bill.trigger_delayed(order)  # error: no delay
    await bill.trigger_recurring(order, "0 9 * * *", timezone="UTC")  # error: misspelt option
    await bill.schedule_for(order, every="1h")  # error: nobody's
    await bill.schedule_for(order, cron=5, id="o1")  # error: no pattern
    await bill.batch_trigger([{"payload": order, "options": {"attemps": 3}}])  # error: misspelt option
    await bill.batch_trigger([{"data": order}])  # error: misspelt key
    bill.node(order, on_failure="stop")  # error: unknown policy
    await bill.trigger_flow(order, children=[bill])  # error: a definition is no node


async def wrong_progress(ctx: JobContext) -> None:
    await ctx.update_progress(object())  # error: neither a number nor an object of JSON's
    await ctx.log(7)  # error: a number for a text
    ctx.track(7)  # error: no rows
    ctx.track([1], per_second="4")  # error: text for a number


async def wrong_results(ctx: JobContext) -> tuple[object, ...]:
    handle = await bill.trigger(order)
    number: int = await handle.result()  # error: another result
    numbers: list[int] = await ctx.children_results(bill)  # error: another result
    text: str = await run_job(count, [1])  # error: another result
    child_result(count, "one")  # error: another result
    several: list[int] = await results([handle])  # error: other results
    await results(handle)  # error: one handle, not several
    async for ended in as_completed([handle]):
        number = await ended.result()  # error: another result
    await handle.result(timeout=1.5)  # error: no duration
    first: str = await anext(handle.progress())  # error: any JSON value
    bill.handle(7)  # error: an id is a text
    return (number, numbers, several, first, text, (await handle.result()).totl)  # error: misspelt field


def wrong_assertions() -> str:
    client = recording_client()
    client.assert_triggered(bill, Other(other_id="o1"))  # error: another model
    client.assert_triggered(bill, order, attemps=3)  # error: misspelt option
    return client.triggered(bill)[0].payload.other_id  # error: misspelt field


async def wrong_sessions(
    asynchronous: AsyncSession,
    plain: Session,
    of_tasks: async_scoped_session[AsyncSession],
    of_threads: scoped_session[Session],
) -> None:
    await bill.trigger(order, session=asynchronous)
    await bill.trigger(order, session=of_tasks)
    bill.sync.trigger(order, session=plain)
    bill.sync.trigger(order, session=of_threads)
    await bill.trigger(order, session=plain)  # error: it would block the event loop
    bill.sync.trigger(order, session=asynchronous)  # error: it can't be awaited
    await bill.trigger_recurring(order, every="1h", session=asynchronous)  # error: a schedule is of no transaction
