"""What the README of the TypeScript original shows of flows, done here; a docstring names the section."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from midday_worker import JobClient, JobContext, JobRegistry, Payload, Settings, job
from tests.integration.crew import Crew


class Order(Payload):
    order_id: str


class Payment(Payload):
    transaction_id: str


class Completion(Payload):
    order_id: str
    completed: bool
    payment_result: Payment | None
    completed_at: datetime


async def test_flows_simple_parallel_flow(client: JobClient, registry: JobRegistry, settings: Settings) -> None:
    """Flows, "Simple Parallel Flow": all children run at once, the parent after them."""
    together = asyncio.Barrier(3)
    order: list[str] = []

    async def child(data: Order, ctx: JobContext) -> None:
        await asyncio.wait_for(together.wait(), 10)  # passes only if all three run at once
        order.append("child")

    async def parent(data: Order, ctx: JobContext) -> str:
        order.append("parent")
        return data.order_id

    children = [
        job(name, Order, child, registry=registry)
        for name in ("validate-payment", "update-inventory", "send-confirmation")
    ]
    parent_job = job("parent", Order, parent, registry=registry)
    order_123 = Order(order_id="order_123")
    async with Crew(registry, settings):
        triggered = await parent_job.trigger_flow(
            order_123, [definition.node(order_123) for definition in children], client=client
        )
        assert await triggered.result("10s") == "order_123"
    assert order == ["child", "child", "child", "parent"]


async def test_flows_serial_chain(client: JobClient, registry: JobRegistry, settings: Settings) -> None:
    """Flows, "Serial Chain": collectData, then processData, then report."""
    order: list[str] = []

    async def step(data: Order, ctx: JobContext) -> None:
        order.append(ctx.job.name)

    collect, process, report = (
        job(name, Order, step, registry=registry) for name in ("collect-data", "process-data", "report")
    )
    payload = Order(order_id="rpt_789")
    async with Crew(registry, settings):
        triggered = await report.trigger_flow(
            payload, [process.node(payload, children=[collect.node(payload)])], client=client
        )
        await triggered.result("10s")
    assert order == ["collect-data", "process-data", "report"]


async def test_flows_access_children_results(client: JobClient, registry: JobRegistry, settings: Settings) -> None:
    """Flows, "Access Children Results": raw by getChildrenValues, typed by children_results."""

    async def pay(data: Order, ctx: JobContext) -> Payment:
        return Payment(transaction_id=f"tx-{data.order_id}")

    async def note(data: Order, ctx: JobContext) -> dict[str, bool]:
        return {"noted": True}

    payment = job("payment", Order, pay, queue="payments", registry=registry)
    noting = job("noting", Order, note, registry=registry)

    async def complete(data: Order, ctx: JobContext) -> Completion:
        values = await ctx.job.getChildrenValues()
        raw = next(value for value in values.values() if value != {"noted": True})
        (typed,) = await ctx.children_results(payment)
        assert raw == {"transactionId": typed.transaction_id}
        return Completion(order_id=data.order_id, completed=True, payment_result=typed, completed_at=datetime.now(UTC))

    completion = job("order-completion", Order, complete, registry=registry)
    order = Order(order_id="o1")
    async with Crew(registry, settings):
        triggered = await completion.trigger_flow(order, [payment.node(order), noting.node(order)], client=client)
        result = await triggered.result("10s")
    assert (result.completed, result.payment_result) == (True, Payment(transaction_id="tx-o1"))
    assert result.completed_at.tzinfo is not None


async def test_api_reference_flow_helpers(client: JobClient, registry: JobRegistry, settings: Settings) -> None:
    """API Reference, "Flow Helpers": getChildrenValues, getDependencies and updateProgress, on `ctx.job`."""

    async def child(data: int, ctx: JobContext) -> int:
        return data

    async def parent(data: int, ctx: JobContext) -> list[object]:
        await ctx.job.updateProgress(100)
        values = await ctx.job.getChildrenValues()
        dependencies = await ctx.job.getDependencies()
        assert dependencies["processed"] == values
        return list(values.values())

    child_job = job("child", int, child, registry=registry)
    parent_job = job("parent", int, parent, registry=registry)
    async with Crew(registry, settings):
        triggered = await parent_job.trigger_flow(0, [{"job": child_job, "data": 7}], client=client)
        assert await triggered.result("10s") == [7]
    assert (await triggered.fetch()).progress == 100
