"""What a type checker infers of jobs without a handler. Never run: mypy and basedpyright read it."""

from __future__ import annotations

from typing import assert_type

from midday_worker import JobContext, JobDeclaration, JobHandle, JobRequest, Payload, job
from midday_worker.testing import Recorded, recording_client


class Order(Payload):
    order_id: str


class Receipt(Payload):
    total: int


declared_job = job("send-sms", Order, result=Receipt, queue="sms", attempts=5, backoff="5s")
declared_union = job("declared-union", list[int], result=Receipt | None)
declared_without_result = job("declared-without-result", Order, queue="mail")
declared_with_none = job("declared-with-none", int | str, result=None)


async def declarations() -> None:
    order = Order(order_id="o1")
    assert_type(declared_job, JobDeclaration[Order, Receipt])
    assert_type(declared_union, JobDeclaration[list[int], Receipt | None])
    assert_type(declared_without_result, JobDeclaration[Order, object])
    assert_type(declared_with_none, JobDeclaration[int | str, None])
    assert_type(await declared_job.trigger(order, timeout="5s"), JobHandle[Receipt])
    assert_type(await (await declared_without_result.trigger(order)).result(), object)
    assert_type(await declared_job.batch_trigger([{"payload": order}]), list[JobHandle[Receipt]])
    assert_type(declared_job.node(order), JobRequest)
    assert_type(declared_job.sync.trigger(order).result(), Receipt)
    async with recording_client() as client:
        assert_type(client.assert_triggered(declared_job, order), list[Recorded[Order]])


async def parent_of_declared(data: Order, ctx: JobContext) -> None:
    assert_type(await ctx.children_results(declared_job), list[Receipt])
