"""Jobs that were added by another version of a service than the one that runs them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pytest

from midday_worker import (
    BatchContext,
    BatchOptions,
    JobClient,
    JobContext,
    JobDefinition,
    JobFailedError,
    JobRegistry,
    Payload,
    PayloadError,
    Settings,
    job,
    results,
)
from midday_worker.admin.job_acts import change_data
from midday_worker.demo.node import NodeRuntime
from midday_worker.engine.wire.options import stamped, version_of
from tests.deadline import eventually
from tests.integration.crew import Crew
from tests.integration.handling import version_jobs

ADD_WITH_NODE = """
import { Queue } from "bullmq";
const queue = new Queue("default", { connection: { url: process.argv[2] }, prefix: process.argv[3] });
const job = await queue.add("notice", { userId: "from node" });
console.log(JSON.stringify(job.id));
await queue.close();
"""


class OldNotice(Payload):
    user_id: str


class Notice(Payload):
    recipient_id: str


class OldAnswer(Payload):
    sent: str


class Answer(Payload):
    recipients: list[str]


def old_service() -> JobRegistry:
    registry = JobRegistry()

    async def notice(data: OldNotice, ctx: JobContext) -> OldAnswer:
        return OldAnswer(sent=data.user_id)

    async def parent(data: OldNotice, ctx: JobContext) -> int:
        return 1

    job("notice", OldNotice, notice, registry=registry)
    job("parent", OldNotice, parent, registry=registry)
    job("many", OldNotice, notice, registry=registry)
    return registry


def new_service() -> JobRegistry:
    registry = JobRegistry()

    @job("notice", version=2, registry=registry)
    async def notice(data: Notice, ctx: JobContext) -> Answer:
        return Answer(recipients=[data.recipient_id])

    @job("parent", version=2, registry=registry)
    async def parent(data: Notice, ctx: JobContext) -> list[str]:
        children = await ctx.children_results(notice)
        return sorted(each for answer in children for each in answer.recipients)

    @job("many", version=2, batch=BatchOptions(max_size=10, max_wait="10ms"), registry=registry)
    async def many(data: list[Notice], ctx: BatchContext) -> Sequence[Answer | Exception]:
        return [Answer(recipients=[each.recipient_id]) for each in data]

    for definition in (notice, parent, many):

        @definition.upcast(from_version=1)
        def _(old: dict[str, object]) -> dict[str, object]:
            return {**old, "recipientId": old["userId"]}

    for answering in (notice, many):

        @answering.upcast_result(from_version=1)
        def _(old: dict[str, object]) -> dict[str, object]:
            return {"recipients": [old["sent"]]}

    return registry


async def test_what_the_old_service_added_runs_in_the_new_one(
    client: JobClient, settings: Settings, node: NodeRuntime
) -> None:
    old, new = old_service(), new_service()
    notice, parent, many = (old.get(name) for name in ("notice", "parent", "many"))
    plain = await notice.trigger({"userId": "u1"}, client=client)
    batched = await many.trigger({"userId": "u2"}, client=client)
    flow = await parent.trigger_flow({"userId": "u3"}, [notice.node({"userId": "u4"})], client=client)
    schedule = await notice.trigger_recurring({"userId": "u5"}, every="1h", client=client)
    run = await schedule.fetch()
    from_node = await node.run(ADD_WITH_NODE, settings.redis_url.get_secret_value(), settings.redis_prefix)
    async with Crew(new, settings):
        known = {name: new.get(name) for name in ("notice", "parent", "many")}
        ids = [(plain.id, "notice", "u1"), (batched.id, "many", "u2"), (str(from_node), "notice", "from node")]
        for job_id, name, recipient in ids:
            handle = known[name].handle(job_id, client=client)
            assert await handle.result("30s") == Answer(recipients=[recipient])
        assert await known["parent"].handle(flow.id, client=client).result("30s") == ["u4"]
        assert run is not None
        ended = known["notice"].handle(f"repeat:{schedule.id}:{run.next_run_ms}", client=client)
        assert await ended.result("30s") == Answer(recipients=["u5"])


async def test_a_job_with_a_handler_in_a_process_is_upcast_there(client: JobClient, settings: Settings) -> None:
    added = await client.queue("counts").add("count", {"number": 7}, {})
    async with Crew(version_jobs.registry, settings):
        assert await version_jobs.count.handle(str(added.id), client=client).result("60s") == 7


async def test_a_newer_job_waits_for_a_newer_worker(client: JobClient, settings: Settings) -> None:
    old, new = old_service(), new_service()
    handle = await new.get("notice").trigger({"recipientId": "u1"}, client=client)
    async with Crew(old, settings):

        async def is_parked() -> bool:
            return await handle.state() == "delayed"

        await eventually(is_parked, "the old worker parks it")
    await handle.promote()
    async with Crew(new, settings):
        assert await handle.result("30s") == Answer(recipients=["u1"])
    assert (await handle.fetch()).attemptsMade == 1


async def test_results_of_an_old_worker_are_upcast_and_those_of_a_new_one_are_not(
    client: JobClient, settings: Settings
) -> None:
    old, new = old_service(), new_service().get("notice")
    async with Crew(old, settings):
        handle = await old.get("notice").trigger({"userId": "u1"}, client=client)
        await handle.result("30s")
    mine = new.handle(handle.id, client=client)
    assert await mine.result("5s") == Answer(recipients=["u1"])
    assert await results([mine]) == [Answer(recipients=["u1"])]
    renewed = await new.trigger({"recipientId": "u2"}, client=client)
    async with Crew(new_service(), settings):
        assert await renewed.result("30s") == Answer(recipients=["u2"])
    assert (await renewed.fetch()).result_version == 2
    assert await results([renewed]) == [Answer(recipients=["u2"])]


async def test_a_child_s_result_that_is_valid_in_two_ways_is_refused(client: JobClient, settings: Settings) -> None:
    registry = JobRegistry()

    @job("child", queue="children", version=2, registry=registry)
    async def child(data: None, ctx: JobContext) -> dict[str, int]:
        return {"cents": 5}

    @child.upcast_result(from_version=1)
    def _(old: dict[str, int]) -> dict[str, int]:
        return {"cents": old["cents"] * 100}

    @job("parent", attempts=1, registry=registry)
    async def parent(data: None, ctx: JobContext) -> list[dict[str, int]]:
        return await ctx.children_results(child)

    async with Crew(registry, settings):
        handle = await parent.trigger_flow(None, [child.node()], client=client)
        with pytest.raises(JobFailedError, match="its version isn't known, and it is valid as of versions 1 and 2"):
            await handle.result("30s")


async def test_what_no_upcaster_makes_valid_fails_with_both_reasons(client: JobClient, settings: Settings) -> None:
    added = await client.queue("default").add("notice", {"id": 1}, {})
    new = new_service()
    async with Crew(new, settings):
        both = "upcaster from version 1 raised KeyError.*recipientId: Field required"
        with pytest.raises(JobFailedError, match=both):
            await new.get("notice").handle(str(added.id), client=client).result("30s")


async def test_a_result_that_a_removed_job_left_behind_is_read_in_the_one_way_that_is_valid(
    client: JobClient, settings: Settings
) -> None:
    new = new_service()
    async with Crew(new, settings):
        handle = await new.get("notice").trigger({"recipientId": "u1"}, client=client, remove_on_complete=True)
        assert await handle.result("30s") == Answer(recipients=["u1"])
    with pytest.raises(PayloadError, match="stored result"):
        new.get("notice").parse_result({"lost": True})


def cents(version: int) -> tuple[JobRegistry, JobDefinition[dict[str, int], dict[str, int]]]:
    """A service whose old payloads and results are valid as new ones, and mean another thing."""
    registry = JobRegistry()

    async def pay(data: dict[str, int], ctx: JobContext) -> dict[str, int]:
        return {"amount": data["amount"] + version}

    paying = job("pay", dict[str, int], pay, version=version, registry=registry)
    if version > 1:
        paying.upcast(from_version=1)(lambda old: {"amount": cast("dict[str, int]", old)["amount"] * 100})
        paying.upcast_result(from_version=1)(lambda old: {"amount": cast("dict[str, int]", old)["amount"] * 100})
    return registry, paying


async def test_another_payload_brings_its_version(client: JobClient, settings: Settings) -> None:
    (_, old), (registry, new) = cents(1), cents(2)
    handle = await old.trigger({"amount": 1}, client=client, delay="1h", deadline="2h")
    before = (await handle.fetch()).opts
    await new.handle(handle.id, client=client).update_data({"amount": 700})
    stored = (await handle.fetch()).opts
    assert version_of(stored) == 2
    assert stamped(stored, 1) == before
    late = await new.trigger({"amount": 700}, client=client, delay="1h")
    await old.handle(late.id, client=client).update_data({"amount": 7})
    assert version_of((await late.fetch()).opts) == 1
    shown = await old.trigger({"amount": 1}, client=client, delay="1h")
    await change_data(client.queue("default"), shown.id, {"amount": 700}, 2)
    async with Crew(registry, settings):
        for each in (handle, late, shown):
            await each.promote()
            assert await new.handle(each.id, client=client).result("30s") == {"amount": 702}


async def test_a_result_of_an_older_worker_that_ran_the_job_again_is_of_that_version(
    client: JobClient, settings: Settings
) -> None:
    (older, old), (newer, new) = cents(1), cents(2)
    handle = await old.trigger({"amount": 1}, client=client)
    async with Crew(newer, settings):
        assert await new.handle(handle.id, client=client).result("30s") == {"amount": 102}
    await handle.retry()
    async with Crew(older, settings):  # a rollback
        assert await handle.result("30s") == {"amount": 2}
    assert await new.handle(handle.id, client=client).result("5s") == {"amount": 200}


async def test_a_schedule_that_is_written_anew_has_one_version(client: JobClient, settings: Settings) -> None:
    (_, old), (registry, new) = cents(1), cents(2)
    await old.trigger_recurring({"amount": 7}, every="1h", schedule_id="s", client=client)
    schedule = await new.trigger_recurring({"amount": 700}, every="1h", schedule_id="s", client=client)
    run = await schedule.fetch()
    assert run is not None
    async with Crew(registry, settings):
        ended = new.handle(f"repeat:s:{run.next_run_ms}", client=client)
        assert await ended.result("30s") == {"amount": 702}
