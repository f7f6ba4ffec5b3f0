"""`JobDefinition`: requests, nodes, batches, schedules, and running without Redis."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Awaitable, Callable
from typing import cast

import pytest

from midday_worker import (
    BulkItem,
    DefinitionError,
    FailurePolicy,
    FlowChild,
    InvalidInputError,
    JobContext,
    JobRegistry,
    OptionError,
    PayloadError,
    QueueRegistry,
    job,
    queue,
)
from midday_worker.errors import DurationError, FlowError, ScheduleError
from midday_worker.options import CallOptions
from midday_worker.testing import recording_client
from tests.unit.sample import Label, Parcel, pack, ship, weigh

PARCEL = Parcel(order_id="o1")


def test_a_definition_shows_its_name_queue_schemas_and_place() -> None:
    assert repr(pack) == "JobDefinition('pack', queue='warehouse')"
    assert pack.schema.type is Parcel
    assert pack.result_schema is not None
    assert pack.result_schema.type is Label
    assert "sample.py:" in pack.defined_at


def test_options_are_merged_from_library_queue_job_and_call() -> None:
    queues = QueueRegistry()
    queue("slow", registry=queues, attempts=7, priority=4, timeout="1m")
    registry = JobRegistry(queues)

    @job("merged", queue="slow", priority=3, registry=registry)
    async def merged(data: int, ctx: JobContext) -> None: ...

    options = merged.node(1, delay="1s", priority=2).options

    assert (merged.options.attempts, merged.options.priority, merged.options.timeout) == (7, 3, 60_000)
    assert (options.attempts, options.priority, options.delay, options.keep_logs) == (7, 2, 1_000, 1_000)


def test_a_request_holds_the_validated_payload_in_both_forms() -> None:
    request = pack.node({"order_id": "o1"}, job_id="mine")

    assert request.value == PARCEL
    assert request.data == {"orderId": "o1", "weight": 1}
    assert (request.name, request.queue, request.options.job_id) == ("pack", "warehouse", "mine")
    assert request.on_failure == "fail"


async def test_a_wrong_payload_names_job_and_field_and_nothing_is_added() -> None:
    async with recording_client() as client:
        with pytest.raises(PayloadError) as failure:
            await pack.trigger({"orderId": "o1", "weight": "heavy"})

    assert failure.value.job == "pack"
    assert [problem.path for problem in failure.value.problems] == ["weight"]
    assert "heavy" not in str(failure.value)
    client.assert_nothing_triggered()


async def test_a_job_without_payload_is_triggered_without_an_argument() -> None:
    registry = JobRegistry()

    @job("sweep", registry=registry)
    async def sweep(data: None, ctx: JobContext) -> None: ...

    async with recording_client() as client:
        await sweep.trigger()
        await sweep.trigger(None, delay="1s")
        client.assert_triggered(sweep, None, times=2)
    assert sweep.node().data is None


async def test_a_forgotten_payload_adds_nothing() -> None:
    forgotten = cast("Callable[[], Awaitable[object]]", pack.trigger)
    async with recording_client() as client:
        with pytest.raises(PayloadError):
            await forgotten()
        client.assert_nothing_triggered()


async def test_a_wrong_option_adds_nothing() -> None:
    async with recording_client() as client:
        with pytest.raises(OptionError, match="Did you mean 'priority'"):
            await pack.trigger(PARCEL, priorty=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue] - the mistake
        with pytest.raises(DurationError):
            await pack.trigger_delayed(PARCEL, "soon")

    client.assert_nothing_triggered()


async def test_a_delayed_trigger_has_the_delay() -> None:
    async with recording_client() as client:
        await pack.trigger_delayed(PARCEL, "3d", attempts=2)

    client.assert_triggered(pack, PARCEL, delay="3d", attempts=2, times=1)


async def test_a_batch_with_one_wrong_item_adds_none() -> None:
    async with recording_client() as client:
        with pytest.raises(PayloadError, match="Invalid payload 1 of the batch for job 'pack': orderId"):
            await pack.batch_trigger([{"payload": PARCEL}, {"payload": {"orderId": 5}}])

    client.assert_nothing_triggered()


@pytest.mark.parametrize(
    "item",
    [PARCEL, {}, {"data": PARCEL}, {"payload": PARCEL, "option": {}}, "text", {"payload": PARCEL, "options": [1]}],
)
async def test_an_item_of_another_form_is_refused_by_its_index(item: object) -> None:
    items = cast("list[BulkItem[Parcel]]", [{"payload": PARCEL}, item])

    async with recording_client() as client:
        with pytest.raises(InvalidInputError, match=r"Item 1 of the batch for job 'pack' (is not|has the options)"):
            await pack.batch_trigger(items)

    client.assert_nothing_triggered()


async def test_a_wrong_option_of_a_batch_names_its_item() -> None:
    items = cast("list[BulkItem[Parcel]]", [{"payload": PARCEL}, {"payload": PARCEL, "options": {"attemps": 1}}])

    async with recording_client() as client:
        with pytest.raises(
            OptionError, match="Item 1 of the batch for job 'pack': Unknown option 'attemps'"
        ) as failure:
            await pack.batch_trigger(items)

        with pytest.raises(DurationError, match="Item 0 of the batch for job 'pack': option delay is 'soon'"):
            await pack.batch_trigger([{"payload": PARCEL, "options": {"delay": "soon"}}])

    assert failure.value.option == "attemps"
    client.assert_nothing_triggered()


async def test_an_empty_batch_is_nothing() -> None:
    async with recording_client() as client:
        assert await pack.batch_trigger([]) == []

    client.assert_nothing_triggered()


def test_a_tree_of_nodes_and_dictionaries_is_one_request() -> None:
    root = ship.node(
        PARCEL,
        children=[
            pack.node(PARCEL, on_failure="ignore", children=[weigh.node(PARCEL)]),
            {"job": weigh, "data": {"orderId": "o2"}, "on_failure": "remove", "options": {"attempts": 9}},
            {"job": pack, "data": PARCEL, "children": [{"job": weigh, "data": PARCEL}]},
        ],
    )

    assert [request.name for request in root.tree()] == ["ship", "pack", "weigh", "weigh", "pack", "weigh"]
    assert [child.on_failure for child in root.children] == ["ignore", "remove", "fail"]
    assert root.children[1].options.attempts == 9


@pytest.mark.parametrize(
    ("child", "message"),
    [
        (pack, "neither a node"),
        ("pack", "neither a node"),
        ({"job": pack}, "neither a node"),
        ({"job": pack, "data": PARCEL, "more": 1}, "neither a node"),
        ({"job": "pack", "data": PARCEL}, "has the job 'pack'; accepted: what job"),
        ({"job": pack, "data": PARCEL, "on_failure": "stop"}, 'on_failure is \'stop\'; accepted: "fail", "ignore"'),
        ({"job": pack, "data": PARCEL, "options": [1]}, "has the options"),
    ],
)
def test_a_child_of_another_form_is_refused(child: object, message: str) -> None:
    with pytest.raises(FlowError, match=message):
        ship.node(PARCEL, children=[cast("FlowChild", child)])


@pytest.mark.parametrize("on_failure", ["fail", "ignore", "remove", "continue"])
def test_each_failure_policy_is_taken(on_failure: FailurePolicy) -> None:
    assert pack.node(PARCEL, on_failure=on_failure).on_failure == on_failure


async def test_a_flow_with_one_wrong_node_adds_nothing() -> None:
    async with recording_client() as client:
        with pytest.raises(PayloadError, match="job 'weigh'"):
            await ship.trigger_flow(
                PARCEL, children=[{"job": pack, "data": PARCEL, "children": [{"job": weigh, "data": {}}]}]
            )

    client.assert_nothing_triggered()


async def test_schedules_of_different_payloads_stand_side_by_side() -> None:
    async with recording_client() as client:
        first = await pack.trigger_recurring(PARCEL, "0 9 * * *")
        again = await pack.trigger_recurring({"order_id": "o1"}, "0 10 * * *")
        other = await pack.trigger_recurring(Parcel(order_id="o2"), "0 9 * * *")

    assert first.id == again.id != other.id
    assert first.id.startswith("pack-")
    assert len(client.recorded_schedules) == 2


async def test_a_schedules_id_has_no_colon_though_the_jobs_has_one() -> None:
    registry = JobRegistry()

    @job("invoice:send", registry=registry)
    async def invoice(data: int, ctx: JobContext) -> None: ...

    async with recording_client():
        handle = await invoice.trigger_recurring(1, every="1h")

    assert handle.id.startswith("invoice-send-")


@pytest.mark.parametrize("schedule_id", ["", "a:b", 5])
async def test_a_schedule_id_that_bullmq_would_misread_is_refused(schedule_id: str) -> None:
    async with recording_client() as client:
        with pytest.raises(InvalidInputError, match=r"schedule_id is .*; accepted: a non-empty text without"):
            await pack.trigger_recurring(PARCEL, every="1h", schedule_id=schedule_id)

    client.assert_nothing_triggered()


async def test_a_wrong_schedule_adds_nothing() -> None:
    async with recording_client() as client:
        with pytest.raises(ScheduleError):
            await pack.trigger_recurring(PARCEL, "99 9 * * *")
        with pytest.raises(PayloadError):
            await pack.trigger_recurring({}, "0 9 * * *")

    client.assert_nothing_triggered()


@pytest.mark.parametrize(
    "option",
    [
        *({"job_id": "j1"}, {"delay": "5s"}, {"deduplication": {"id": "d"}}, {"idempotency_key": "k"}),
        *({"idempotency_ttl": "1h"}, {"debounce": ("k", "5s")}, {"throttle": ("k", "5s")}),
    ],
    ids=str,
)
async def test_a_schedule_refuses_what_its_runs_cannot_have(option: CallOptions) -> None:
    async with recording_client() as client:
        with pytest.raises(OptionError, match=next(iter(option))):
            await pack.trigger_recurring(PARCEL, every="1h", client=client, **option)


OTHER_NAMES = ("delay", "kiq", "apply_async", "send", "enqueue", "add", "add_bulk", "schedule")


@pytest.mark.parametrize("name", OTHER_NAMES)
@pytest.mark.parametrize("target", [pack, pack.sync])
def test_a_trigger_of_another_library_says_what_it_is_called_here(target: object, name: str) -> None:
    with pytest.raises(
        AttributeError, match=rf"object has no attribute '{name}': here it is `\w*trigger\w*\(.*\.sync\."
    ):
        getattr(target, name)
    assert not hasattr(target, name)


@pytest.mark.parametrize("arguments", [(), (5,), (5, 6)])
def test_a_job_that_is_called_says_how_it_is_triggered(arguments: tuple[object, ...]) -> None:
    declared = job("elsewhere", int, registry=JobRegistry())
    with pytest.raises(TypeError, match=r"JobDefinition\('pack', queue='warehouse'\) isn't called: `await job.trigger"):
        cast("Callable[..., object]", pack)(*arguments)
    if len(arguments) == 1:
        with pytest.raises(TypeError, match=r"JobDeclaration\('elsewhere', .*isn't called"):
            cast("Callable[..., object]", declared)(*arguments)


def test_a_job_is_no_handler_of_another() -> None:
    with pytest.raises(
        DefinitionError, match=r"The handler of job 'second' .* is JobDefinition\('pack'.*; accepted: a fun"
    ):
        cast("Callable[..., object]", job)("second", int, pack, registry=JobRegistry())


def test_a_job_is_copied_inspected_and_looked_at_as_any_object() -> None:
    assert copy.copy(pack).id == "pack"
    assert not inspect.iscoroutinefunction(pack)
    assert inspect.unwrap(cast("Callable[..., object]", pack)) is pack
    assert not hasattr(pack, "__wrapped__")
    assert not hasattr(pack, "__array__")
    with pytest.raises(AttributeError, match=r"^'JobDefinition' object has no attribute 'triger'$"):
        getattr(pack, "triger")  # noqa: B009 - for type checkers it is a mistake
    with pytest.raises(AttributeError, match=r"^'JobDefinition' object has no attribute 'id'$"):
        object.__new__(type(pack)).id  # noqa: B018 - as what restores a copy may


@pytest.mark.parametrize("name", ["cron", "crontab"])
async def test_a_cron_that_is_given_by_another_name_is_called_pattern(name: str) -> None:
    with pytest.raises(OptionError, match=rf"{name} is called pattern, of trigger_recurring\(\)\. Known .*pattern"):
        await pack.trigger_recurring(PARCEL, **cast("CallOptions", {name: "0 9 * * *"}))
