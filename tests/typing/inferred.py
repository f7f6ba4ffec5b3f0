"""What a type checker infers for a user of the library. Never run: mypy and basedpyright read it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, assert_type

from pydantic import Field
from starlette.applications import Starlette
from starlette.requests import Request
from typing_extensions import TypedDict

from midday_worker import (
    AttemptCall,
    AttemptNext,
    BatchContext,
    BatchDefinition,
    BatchOptions,
    CancelOutcome,
    DeclaredSchedule,
    Depends,
    EnqueueCall,
    EnqueueNext,
    JobClient,
    JobContext,
    JobDefinition,
    JobEvent,
    JobHandle,
    JobRegistry,
    JobRequest,
    Payload,
    PerKey,
    RateLimit,
    ScheduleHandle,
    Settings,
    SyncJobClient,
    SyncJobContext,
    SyncJobHandle,
    SyncScheduleHandle,
    as_completed,
    cron,
    default_registry,
    every,
    execute_job,
    job,
    queue,
    results,
    spread,
    sync_as_completed,
    sync_results,
)
from midday_worker.dashboard import Access, Role, Shown, create_dashboard
from midday_worker.schema.schema import JsonValue
from midday_worker.testing import (
    FakeJob,
    Recorded,
    RecordedSchedule,
    Run,
    RunningWorker,
    World,
    child_result,
    recording_client,
    run_batch,
    run_job,
    run_until_idle,
    running_worker,
    time_travel,
)


class Order(Payload):
    order_id: str


class Receipt(Payload):
    total: int


@dataclass
class Point:
    x: int


class Address(TypedDict):
    city: str


async def bill(data: Order, ctx: JobContext) -> Receipt:
    return Receipt(total=len(data.order_id))


def count(data: list[int], ctx: SyncJobContext) -> int:
    return len(data)


async def sweep(data: None, ctx: JobContext) -> str:
    return "swept"


mail = queue("typed-mail", concurrency=2, attempts=5, limits=[PerKey("team.id", rate=RateLimit(60, "1m"))])
mail_hooks = default_registry.hooks_of(mail)
bill_job = job("bill", Order, bill, queue=mail, priority=1, attempts=3, backoff={"type": "fixed", "delay": "5s"})
count_job = job("count", list[int], count)
sweep_job = job("sweep", None, sweep)
point_job = job("point", Point, lambda data, ctx: data.x)
annotated_job = job("annotated", Annotated[Order | Receipt, Field(title="Either")], lambda data, ctx: None)
union_job = job("union", int | str, lambda data, ctx: None)


@job("decorated", queue="mail", attempts=3)
async def decorated(data: Order, ctx: JobContext) -> Receipt | None:
    return None


@job("decorated-plain")
def decorated_plain(data: Address, ctx: SyncJobContext) -> str:
    return data["city"]


async def bill_all(data: list[Order], ctx: BatchContext) -> list[Receipt | Exception]:
    return [Receipt(total=len(order.order_id)) for order in data]


bill_all_job = job("bill-all", Order, bill_all, batch=BatchOptions(max_size=10, max_wait="1s"), queue=mail)


@job("decorated-batch", batch=BatchOptions(), attempts=3)
async def decorated_batch(data: list[Order], ctx: BatchContext) -> list[Receipt]:
    return [Receipt(total=1) for _ in data]


@job("decorated-batch-plain", batch=BatchOptions())
def decorated_batch_plain(data: list[int], ctx: BatchContext) -> list[str | Exception]:
    return [str(item) for item in data]


async def batches() -> None:
    order = Order(order_id="o1")
    assert_type(bill_all_job, BatchDefinition[Order, Receipt])
    assert_type(decorated_batch, BatchDefinition[Order, Receipt])
    assert_type(decorated_batch_plain, BatchDefinition[int, str])
    assert_type(await bill_all_job.trigger(order), JobHandle[Receipt])
    assert_type(await decorated_batch_plain.trigger(1), JobHandle[str])
    assert_type(await run_batch(bill_all_job, [order]), list[Receipt | Exception])
    assert_type(await run_job(bill_all_job, order), Receipt)


def definitions() -> None:
    assert_type(bill_job, JobDefinition[Order, Receipt])
    assert_type(count_job, JobDefinition[list[int], int])
    assert_type(point_job, JobDefinition[Point, int])
    assert_type(annotated_job, JobDefinition[Order | Receipt, None])
    assert_type(union_job, JobDefinition[int | str, None])
    assert_type(decorated, JobDefinition[Order, Receipt | None])
    assert_type(decorated_plain, JobDefinition[Address, str])


retried_job = job("retried", Order, bill, backoff=lambda attempt, error: "5s", retry_on=OSError, fail_on=[KeyError])


@bill_job.hooks.on_success
async def told(event: JobEvent[Order, Receipt]) -> None:
    assert_type(event.payload, Order | None)
    assert_type(event.result, Receipt | None)
    assert_type(event.error, BaseException | None)
    assert_type(event.will_retry, bool)
    assert_type(event.job.id, str)


@bill_job.hooks.on_start
@bill_job.hooks.on_exhausted
def told_of_one(event: JobEvent[Order, Receipt]) -> None:
    assert_type(event.attempt, int)


@default_registry.hooks.on_end
@mail_hooks.on_failure
def told_of_any(event: JobEvent[object, object]) -> None:
    assert_type(event.payload, object | None)


async def rate() -> float:
    return 1.5


@job("rated")
async def rated(data: Order, ctx: JobContext, factor: Annotated[float, Depends(rate)]) -> Receipt:
    return await bill(data, ctx)


@job("rated-plain")
def rated_plain(data: Order, ctx: SyncJobContext, *, factor: Annotated[float, Depends(rate, scope="worker")]) -> float:
    return factor


@rated.hooks.on_success
async def rated_hook(event: JobEvent[Order, Receipt], factor: Annotated[float, Depends(rate)]) -> None: ...


async def dependent() -> None:
    assert_type(rated, JobDefinition[Order, Receipt])
    assert_type(rated_plain, JobDefinition[Order, float])
    assert_type(await (await rated.trigger(Order(order_id="o1"))).result(), Receipt)


@bill_job.middleware.around_attempt
async def around(call: AttemptCall[Order], call_next: AttemptNext[Order, Receipt]) -> Receipt:
    assert_type(call.payload, Order)
    assert_type(call.replace({"order_id": "o2"}), AttemptCall[Order])
    assert_type(await call_next(call), Receipt)
    return await call_next(call)


@bill_job.middleware.around_enqueue
async def around_enqueue(call: EnqueueCall[Order], call_next: EnqueueNext[Order]) -> str:
    assert_type(call.payload, Order)
    assert_type(call.options.attempts, int)
    return await call_next(call.replace(Order(order_id="o2"), delay="5s"))


@default_registry.middleware.around_attempt
@default_registry.middleware_of(mail).around_attempt
async def around_any(call: AttemptCall[object], call_next: AttemptNext[object, object]) -> object:
    return await call_next(call)


async def triggers() -> None:
    order = Order(order_id="o1")
    handle = await bill_job.trigger(order, delay=timedelta(days=1), job_id="mine")
    assert_type(handle, JobHandle[Receipt])
    assert_type(handle.added, bool | None)
    assert_type(await bill_job.trigger(order, idempotency_key="k", idempotency_ttl="7d"), JobHandle[Receipt])
    assert_type(await bill_job.trigger(order, debounce=("k", timedelta(seconds=5))), JobHandle[Receipt])
    assert_type(await bill_job.trigger_delayed(order, "3d", throttle=("k", "5s")), JobHandle[Receipt])
    assert_type(
        await bill_job.batch_trigger([{"payload": order, "options": {"throttle": ("k", 5)}}]), list[JobHandle[Receipt]]
    )
    assert_type(await handle.retry(reset_attempts=True), None)
    assert_type(await handle.reschedule(timedelta(days=1)), None)
    assert_type(await handle.promote(), None)
    assert_type(await handle.remove(children=True), None)
    assert_type(await handle.change_priority(1), None)
    assert_type(await handle.update_data(order), None)
    assert_type(await bill_job.trigger(order, retry_on_timeout=False, deadline="1h"), JobHandle[Receipt])
    assert_type(await handle.cancel("no longer needed", children=True), CancelOutcome)
    assert_type(await handle.result(timeout="30s"), Receipt)
    assert_type(await bill_job.trigger({"orderId": "o1"}), JobHandle[Receipt])
    assert_type(await sweep_job.trigger(), JobHandle[str])
    assert_type(await sweep_job.trigger(None, delay="5s"), JobHandle[str])
    assert_type(await bill_job.trigger_delayed(order, "3d"), JobHandle[Receipt])
    assert_type(
        await bill_job.schedule_for(order, cron=spread("m */6 * * *"), id=order.order_id, priority=1), ScheduleHandle
    )
    assert_type(await bill_job.schedule_for({"orderId": "o1"}, every="1h", id="o1"), ScheduleHandle)
    assert_type(await bill_job.trigger_recurring(order, "0 9 * * *", tz="Europe/Stockholm"), ScheduleHandle)
    assert_type(await decorated_plain.trigger({"city": "Umeå"}), JobHandle[str])
    batch = await bill_job.batch_trigger([{"payload": order}, {"payload": {"orderId": "o2"}, "options": {"delay": 5}}])
    assert_type(batch, list[JobHandle[Receipt]])


async def following() -> None:
    handle = bill_job.handle("mine")
    assert_type(handle, JobHandle[Receipt])
    assert_type(await handle.state(), str)
    assert_type(await handle.attempts_made(), int)
    assert_type(await handle.logs(), list[str])
    assert_type([each async for each in handle.tail()], list[str])
    assert_type([each async for each in handle.progress()], list[JsonValue])
    assert_type(await results([handle, handle], timeout="30s"), list[Receipt])
    async for ended in as_completed([handle]):
        assert_type(ended, JobHandle[Receipt])
        assert_type(await ended.result(), Receipt)


@job("in-a-process", executor="process", max_tasks_per_child=10)
def in_a_process(data: Order, ctx: SyncJobContext) -> Receipt:
    assert_type(ctx.cancelled, bool)
    assert_type(ctx.job.attempt, int)
    assert_type(ctx.update_progress(Receipt(total=1)), None)
    assert_type(ctx.log("a row"), None)
    assert_type([row for row in ctx.track([1, 2])], list[int])  # noqa: C416 - each is what is asserted
    assert_type(list(ctx.track((text for text in "ab"), total=2, per_second=1)), list[str])
    assert_type(ctx.children_results(count_job), list[int])
    assert_type(ctx.children_values(), dict[str, object])
    return Receipt(total=1)


def count_in_a_process(data: list[int], ctx: SyncJobContext) -> int:
    return len(data)


assert_type(in_a_process, JobDefinition[Order, Receipt])
assert_type(job("count", list[int], count_in_a_process, executor="process"), JobDefinition[list[int], int])


def blocking() -> None:
    order = Order(order_id="o1")
    client = JobClient.sync()
    assert_type(client, SyncJobClient)
    handle = bill_job.sync.trigger(order, client=client, delay=timedelta(days=1), job_id="mine")
    assert_type(handle, SyncJobHandle[Receipt])
    assert_type(handle.added, bool | None)
    assert_type(bill_job.sync.trigger(order, throttle=("k", "5s")), SyncJobHandle[Receipt])
    assert_type(handle.result(timeout="30s"), Receipt)
    assert_type(handle.state(), str)
    assert_type(sync_results([handle, handle], timeout="30s"), list[Receipt])
    assert_type([each.result() for each in sync_as_completed([handle])], list[Receipt])
    assert_type(next(sync_as_completed(iter([handle]), timeout=5)), SyncJobHandle[Receipt])
    assert_type(bill_job.sync.trigger_delayed({"orderId": "o1"}, "3d"), SyncJobHandle[Receipt])
    assert_type(bill_job.sync.schedule_for(order, cron="0 9 * * *", id="o1"), SyncScheduleHandle)
    assert_type(bill_job.sync.trigger_recurring(order, every="1h"), SyncScheduleHandle)
    assert_type(sweep_job.sync.trigger(priority=1), SyncJobHandle[str])
    assert_type(decorated_plain.sync.trigger({"city": "Umeå"}).result(), str)
    assert_type(count_job.sync.batch_trigger([{"payload": [1]}])[0].result(), int)
    assert_type(bill_job.sync.trigger_flow(order, [count_job.node([1])]), SyncJobHandle[Receipt])


async def flows() -> None:
    order = Order(order_id="o1")
    assert_type(sweep_job.node(on_failure="ignore"), JobRequest)
    node = count_job.node([1], children=[point_job.node(Point(1))], on_failure="ignore", attempts=2)
    assert_type(node, JobRequest)
    flow = await bill_job.trigger_flow(order, children=[node, {"job": count_job, "data": [1]}])
    assert_type(flow, JobHandle[Receipt])
    assert_type(flow.children, tuple[JobHandle[object], ...])


async def handler(data: Order, ctx: JobContext) -> None:
    assert_type(await ctx.children_results(bill_job), list[Receipt])
    assert_type(await ctx.children_results(count_job), list[int])
    assert_type(await ctx.children_values(), dict[str, object])
    assert_type(ctx.job.id, str)
    assert_type(ctx.cancelled, bool)
    assert_type([row async for row in ctx.track([1, 2])], list[int])
    assert_type([row async for row in ctx.track(list("ab"), per_second=2)], list[str])
    assert_type([row async for row in ctx.track(bill_job.handle("mine").tail(), total=9)], list[str])
    await ctx.update_progress(Receipt(total=1))
    await ctx.update_progress({"done": 1, "total": 2})


async def tests() -> None:
    fake = FakeJob.of(bill_job, {"orderId": "o1"}, children=[child_result(count_job, 1)])
    assert_type(await bill_job.execute(fake), Receipt)
    assert_type(await execute_job("bill", fake), object)
    assert_type(await run_job(bill_job, Order(order_id="o1")), Receipt)
    async with recording_client() as client:
        assert_type(client.triggered(bill_job), list[Recorded[Order]])
        assert_type(client.assert_triggered(count_job, [1], times=1), list[Recorded[list[int]]])
        assert_type(client.assert_triggered(count_job)[0].payload, list[int])
        assert_type(client.assert_scheduled(bill_job, every="1h"), list[RecordedSchedule[Order]])


@job("tidy", schedule=every("10m", only="production"))
async def tidy(data: None, ctx: JobContext) -> int:
    return 1


@job("report", schedule=[cron("0 9 * * *", tz="Europe/Stockholm"), every("1h", payload=Order(order_id="o1"))])
def report(data: Order, ctx: SyncJobContext) -> Receipt:
    return Receipt(total=1)


@job("index", batch=BatchOptions(max_size=10), schedule=(cron(spread("m h * * *"), only=["staging", "production"]),))
async def index(data: list[None], ctx: BatchContext) -> list[int | Exception]:
    return [1 for _ in data]


in_node = job("in-node", None, schedule=every("1h"))


def schedules() -> None:
    assert_type(tidy, JobDefinition[None, int])
    assert_type(report, JobDefinition[Order, Receipt])
    assert_type(index, BatchDefinition[None, int])
    assert_type(tidy.declared_schedules, tuple[DeclaredSchedule, ...])
    assert_type(spread("m */6 * * *").pattern_for("o1"), str)


def dashboards() -> None:
    def may(request: Request) -> Role:
        return "viewer"

    async def who(request: Request) -> Access:
        return Access("admin", request.headers["x-user"])

    def redact(shown: Shown) -> object:
        return shown.value if shown.field == "progress" else None

    assert_type(create_dashboard(), Starlette)
    assert_type(create_dashboard(["emails"], auth=may, read_only=True), Starlette)
    assert_type(create_dashboard(auth=who, redact=redact, ui_config={"boardTitle": "Jobs"}), Starlette)


async def own_time() -> None:
    async with time_travel(start=datetime(2026, 3, 1, tzinfo=UTC)) as world:
        assert_type(world, World)
        assert_type(world.now(), datetime)
        assert_type(await world.advance("30d"), None)
        assert_type(await world.advance(timedelta(days=1)), None)
        assert_type(world.assert_ran(tidy, report, index, times=2), None)
        assert_type(world.runs_of(report), list[Run])
        assert_type([run.error for run in world.failed], list[BaseException | None])
    async with running_worker(JobRegistry(), settings=Settings()) as worker:
        assert_type(worker, RunningWorker)
        assert_type(await worker.run_until_idle(), None)
    assert_type(await run_until_idle(), list[Run])
