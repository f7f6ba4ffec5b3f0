"""`recording_client()`: triggers are kept, and asserted on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

import midday_worker
from midday_worker import (
    JobContext,
    JobRegistry,
    MiddayWorkerError,
    OptionError,
    PayloadError,
    QueueRegistry,
    job,
    queue,
)
from midday_worker.client.client import current_client
from midday_worker.errors import FlowError, ResultError
from midday_worker.testing import child_result, recording_client
from tests.unit.sample import Label, Parcel, pack, ship, weigh

PARCEL = Parcel(order_id="o1")


async def test_a_trigger_within_the_block_is_recorded_with_payload_options_id_and_queue() -> None:
    async with recording_client() as client:
        handle = await pack.trigger(PARCEL, delay="5s", priority=2)

    (record,) = client.triggered(pack)
    assert record.payload == PARCEL
    assert (record.options.delay, record.options.priority, record.options.attempts) == (5_000, 2, 5)
    assert (record.id, record.queue, record.job) == (handle.id, "warehouse", "pack")


async def test_the_environment_of_the_machine_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "not a url")

    async with recording_client() as client:
        await pack.trigger(PARCEL)

    assert len(client.recorded) == 1


async def test_after_the_block_triggers_go_elsewhere() -> None:
    async with recording_client() as outer:
        async with recording_client() as inner:
            await pack.trigger(PARCEL)
        await weigh.trigger(PARCEL)

    inner.assert_triggered(pack, times=1)
    inner.assert_not_triggered(weigh)
    outer.assert_triggered(weigh, times=1)
    outer.assert_not_triggered(pack)
    assert current_client() is not outer
    await midday_worker.close_clients()


async def test_a_client_that_is_passed_records_without_being_entered() -> None:
    client = recording_client()

    await pack.trigger(PARCEL, client=client)

    client.assert_triggered(pack, PARCEL)


async def test_a_wrong_payload_is_refused_and_not_recorded() -> None:
    async with recording_client() as client:
        with pytest.raises(PayloadError):
            await pack.trigger({"orderId": 1})

    client.assert_nothing_triggered()


async def test_a_batch_is_recorded_in_order() -> None:
    async with recording_client() as client:
        handles = await pack.batch_trigger(
            [{"payload": PARCEL}, {"payload": {"order_id": "o2"}, "options": {"job_id": "mine"}}]
        )

    assert [record.id for record in client.triggered(pack)] == [handle.id for handle in handles]
    assert [record.payload.order_id for record in client.triggered(pack)] == ["o1", "o2"]
    assert handles[1].id == "mine"


async def test_a_flow_is_recorded_as_a_tree_with_parents_first() -> None:
    async with recording_client() as client:
        handle = await ship.trigger_flow(
            PARCEL,
            children=[pack.node(PARCEL, children=[weigh.node(PARCEL)], on_failure="ignore"), weigh.node(PARCEL)],
        )

    assert [record.job for record in client.recorded] == ["ship", "pack", "weigh", "weigh"]
    (parent,) = client.triggered(ship)
    assert [child.job for child in parent.children] == ["pack", "weigh"]
    (child,) = client.triggered(pack)
    assert (child.parent_id, child.on_failure) == (handle.id, "ignore")
    assert [below.id for below in handle.children] == [child.id for child in parent.children]
    assert client.triggered(weigh)[0].parent_id == child.id


@pytest.mark.parametrize("children", [[{"job": pack, "data": PARCEL, "options": {"deduplication": {"id": "a"}}}]])
async def test_a_flow_that_the_engine_would_refuse_is_refused(children: list[midday_worker.FlowChild]) -> None:
    async with recording_client() as client:
        with pytest.raises(FlowError, match="deduplication"):
            await ship.trigger_flow(PARCEL, children=children)

    client.assert_nothing_triggered()


async def test_assert_triggered_returns_the_triggers_that_match() -> None:
    async with recording_client() as client:
        await pack.trigger(PARCEL, delay="5s")
        await pack.trigger({"orderId": "o2", "weight": 3})

    assert [record.payload.weight for record in client.assert_triggered(pack, times=2)] == [1, 3]
    (heavy,) = client.assert_triggered(pack, {"order_id": "o2", "weight": 3}, times=1)
    assert heavy.payload.weight == 3
    assert len(client.assert_triggered(pack, delay=timedelta(seconds=5))) == 1
    client.assert_triggered(pack, attempts=5, times=2)


async def test_a_key_is_asserted_on_as_it_is_given() -> None:
    async with recording_client() as client:
        first = await pack.trigger(PARCEL, debounce=("k", "5s"))
        client.assert_triggered(pack, debounce=("k", 5_000), times=1)
        client.assert_triggered(pack, debounce=("other", "5s"), times=0)
        client.assert_triggered(pack, idempotency_key="k", times=0)
    assert first.added


async def test_assert_triggered_lists_what_was_triggered_when_it_fails() -> None:
    async with recording_client() as client:
        await pack.trigger(PARCEL, delay="5s")
        await ship.trigger_flow(PARCEL, children=[weigh.node(PARCEL, job_id="w1")])
        await weigh.trigger_recurring(PARCEL, "0 9 * * *", schedule_id="daily")

    with pytest.raises(AssertionError) as failure:
        client.assert_triggered(pack, {"orderId": "o9"}, priority=3)

    lines = str(failure.value).splitlines()
    assert lines[0] == "'pack' was not triggered with payload {'orderId': 'o9'} and priority=3."
    assert lines[1] == "Triggered were:"
    assert lines[2].startswith("  1. pack (queue warehouse, id ")
    assert lines[2].endswith('): {"orderId": "o1", "weight": 1} delay=5000 attempts=5')
    assert lines[3].startswith("  2. ship (queue harbour, id ")
    assert lines[4].startswith("  3. weigh (queue warehouse, id w1, child of ")
    assert lines[5].startswith("  4. weigh (queue warehouse, schedule daily, pattern=0 9 * * * tz=UTC): ")


async def test_assert_triggered_counts() -> None:
    async with recording_client() as client:
        await pack.trigger(PARCEL)

    with pytest.raises(AssertionError, match="'pack' was triggered once; expected 2 times"):
        client.assert_triggered(pack, times=2)
    with pytest.raises(AssertionError, match="'weigh' was triggered 0 times; expected once"):
        client.assert_triggered(weigh, times=1)
    client.assert_triggered(weigh, times=0)


def test_a_failure_says_when_there_were_no_triggers() -> None:
    with pytest.raises(AssertionError, match=r"'pack' was not triggered.\nNothing was triggered."):
        recording_client().assert_triggered(pack)


def test_what_is_asked_for_is_checked_as_a_trigger_is() -> None:
    client = recording_client()

    with pytest.raises(PayloadError):
        client.assert_triggered(pack, {"orderId": 5})
    with pytest.raises(OptionError):
        client.assert_triggered(pack, attempts=0)


async def test_a_long_payload_is_shortened_in_a_failure() -> None:
    async with recording_client() as client:
        await pack.trigger(Parcel(order_id="o" * 1_000))

    with pytest.raises(AssertionError) as failure:
        client.assert_nothing_triggered()

    assert len(str(failure.value)) < 700
    assert "…" in str(failure.value)


async def test_assert_not_triggered_fails_for_triggers_and_schedules() -> None:
    async with recording_client() as client:
        await pack.trigger(PARCEL)
        await weigh.trigger_recurring(PARCEL, every="1h")

    with pytest.raises(AssertionError, match="'pack' was triggered once; expected not at all"):
        client.assert_not_triggered(pack)
    with pytest.raises(AssertionError, match="'weigh' was triggered once; expected not at all"):
        client.assert_not_triggered(weigh)
    client.assert_not_triggered(ship)


async def test_a_schedule_is_recorded_and_asserted_on() -> None:
    async with recording_client() as client:
        await pack.trigger_recurring(PARCEL, "0 9 * * *", tz="Europe/Stockholm", attempts=2)

    (record,) = client.assert_scheduled(pack, PARCEL, pattern="0 9 * * *", tz="Europe/Stockholm")
    assert record.payload == PARCEL
    assert record.options.attempts == 2
    assert len(client.assert_scheduled(pack)) == 1
    with pytest.raises(AssertionError, match="'pack' was not scheduled with every=60000"):
        client.assert_scheduled(pack, every="1m")
    with pytest.raises(AssertionError, match="'pack' was not scheduled with payload"):
        client.assert_scheduled(pack, {"orderId": "other"})
    client.assert_triggered(pack, times=0)


async def test_a_schedule_replaces_that_of_its_id_and_can_be_removed() -> None:
    async with recording_client() as client:
        first = await pack.trigger_recurring(PARCEL, every="1h", schedule_id="mine")
        await pack.trigger_recurring(PARCEL, every="2h", schedule_id="mine")
        assert [item.when.every_ms for item in client.recorded_schedules] == [7_200_000]

        assert await first.remove()
        assert not await first.remove()
        assert await first.next_run() is None

    client.assert_nothing_triggered()


async def test_schedules_are_listed_with_their_next_run() -> None:
    start = datetime(2100, 1, 1, tzinfo=UTC)
    async with recording_client():
        await pack.trigger_recurring(PARCEL, "0 9 * * *", start=start)
        soon = await pack.trigger_recurring(PARCEL, every="1h", schedule_id="soon")
        await weigh.trigger_recurring(PARCEL, every="1h")
        listed = await pack.schedules()
        next_run = await soon.next_run()

        assert listed[0].id == "soon"
        assert await listed[1].next_run() == start + timedelta(hours=9)
        assert next_run is not None
        assert abs(next_run - datetime.now(UTC)) < timedelta(minutes=1)


async def test_a_handle_has_the_state_that_the_job_would_have_at_first() -> None:
    async with recording_client() as client:
        handles = [
            await pack.trigger(PARCEL),
            await pack.trigger(PARCEL, delay="1s"),
            await pack.trigger(PARCEL, priority=1),
            await ship.trigger_flow(PARCEL, children=[pack.node(PARCEL)]),
        ]

        assert [await handle.state() for handle in handles] == [
            "waiting",
            "delayed",
            "prioritized",
            "waiting-children",
        ]
        assert await client.state("warehouse", "nobody") == "unknown"


async def test_a_result_is_what_will_return_was_told() -> None:
    async with recording_client() as client:
        client.will_return(pack, Label(tracking_id="t1"))
        handle = await pack.trigger(PARCEL)

        assert await handle.result() == Label(tracking_id="t1")


async def test_a_result_that_the_job_could_not_have_is_refused() -> None:
    with pytest.raises(ResultError):
        recording_client().will_return(weigh, "seven")  # type: ignore[misc]  # pyright: ignore[reportArgumentType] - the mistake


async def test_what_needs_redis_says_that_nothing_runs() -> None:
    async with recording_client() as client:
        handle = await pack.trigger(PARCEL)

        with pytest.raises(MiddayWorkerError, match=r"nothing runs: job .* has no result; name one with will_return"):
            await handle.result()
        with pytest.raises(MiddayWorkerError, match="can't be fetched"):
            await handle.fetch()
        with pytest.raises(MiddayWorkerError, match="no connection to Redis"):
            client.queue("warehouse")


async def test_a_queue_with_a_prefix_of_its_own_is_recorded_as_any() -> None:
    registry = JobRegistry(QueueRegistry())
    own = queue("own", prefix="{own}", registry=registry.queues)
    paint = job("paint", str, paint_it, queue=own, registry=registry)
    async with recording_client() as client:
        handle = await paint.trigger("red", delay="1h")
        schedule = await paint.trigger_recurring("red", every="1h")
        client.assert_triggered(paint, "red", times=1)
        client.will_return(paint, "painted")
        assert await handle.result() == "painted"
        assert await handle.cancel() == "cancelled"
        assert (await handle.state(), await handle.attempts_made(), await handle.logs()) == ("failed", 0, [])
        assert [each.id for each in await paint.schedules()] == [schedule.id]
        assert await schedule.next_run() is not None
        assert await schedule.remove()
    assert child_result(paint, "painted").key.startswith("{own}:own:")


async def paint_it(data: str, ctx: JobContext) -> str:
    return data
