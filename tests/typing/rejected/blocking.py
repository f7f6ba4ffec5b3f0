"""Blocking calls that a type checker must refuse: each marked line, and no other. Never run."""

from __future__ import annotations

from midday_worker import (
    JobClient,
    JobContext,
    JobHandle,
    Payload,
    Settings,
    SyncJobContext,
    SyncJobHandle,
    job,
    results,
    sync_as_completed,
    sync_results,
)


class Order(Payload):
    order_id: str


class Other(Payload):
    other_id: str


@job("bill-blocking")
async def bill(data: Order, ctx: JobContext) -> int:
    return 1


order = Order(order_id="o1")
asynchronous = JobClient(Settings())


@job("plain-with-asynchronous")  # error: a plain function takes a SyncJobContext
def plain_with_asynchronous(data: Order, ctx: JobContext) -> int:
    return 1


def wrong_outcomes(handle: SyncJobHandle[int], asynchronous_one: JobHandle[int]) -> tuple[object, ...]:
    text: list[str] = sync_results([handle])  # error: another result
    sync_results([asynchronous_one])  # error: a handle to be awaited
    sync_as_completed([asynchronous_one])  # error: a handle to be awaited
    sync_results([handle], timeout=[5])  # error: no duration
    return (text, results([handle]))  # error: a handle that blocks


def wrong_calls() -> tuple[object, ...]:
    bill.sync.trigger(Other(other_id="o1"))  # error: another model
    bill.sync.trigger(order, attemps=3)  # error: misspelt option
    bill.sync.trigger(order, client=asynchronous)  # error: a client to be awaited
    bill.sync.trigger_delayed(order)  # error: no delay
    bill.sync.batch_trigger([{"payload": Other(other_id="o1")}])  # error: another model
    bill.sync.trigger_flow(order, children=[bill])  # error: a definition is no node
    text: str = bill.sync.trigger(order).result()  # error: another result
    return (text,)


async def wrong_client() -> None:
    await bill.trigger(order, client=JobClient.sync())  # error: a client that blocks


def in_a_process(data: Order, ctx: SyncJobContext) -> int:
    ctx.updateProgress(1)  # error: BullMQ's job is not there
    ctx.update_progress("half")  # error: no number and no object
    ctx.track(5)  # error: no rows
    ctx.children_results(Order)  # error: no definition
    return 1


job("wrong-place", Order, in_a_process, executor="fibre")  # error: unknown executor
job("wrong-schema", Other, in_a_process, executor="process")  # error: another schema
job("wrong-tasks", Order, in_a_process, executor="process", max_tasks_per_child="5")  # error: text for a number
