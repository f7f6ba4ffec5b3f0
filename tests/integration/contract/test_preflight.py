"""What preflight foretells, against what then happens."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Annotated

import pytest
from pydantic import AfterValidator

from midday_worker import BulkItem, JobClient, JobContext, JobRegistry, Payload, Settings, job
from midday_worker.admin import promote_jobs
from midday_worker.contract.preflight import MOST_REASONS, OTHER_REASONS, Failing, Preflight, Report
from midday_worker.engine.inspection.stored_jobs import PLACES, read_stored_jobs
from midday_worker.errors import DefinitionError, InvalidInputError
from tests.deadline import eventually
from tests.integration.crew import Crew

QUEUE = "notices"


class OldNotice(Payload):
    user_id: str


class Notice(Payload):
    recipient_id: str


class Service:
    """Jobs of one version of a service, and which of them ran."""

    def __init__(self) -> None:
        self.registry = JobRegistry()
        self.ran: Counter[str] = Counter()

    @classmethod
    def old(cls) -> Service:
        """The version that has added all."""
        service = cls()

        async def notice(data: OldNotice, ctx: JobContext) -> None:
            service.ran[ctx.job.id] += 1

        job("notice", OldNotice, notice, queue=QUEUE, attempts=1, registry=service.registry)
        job("digest", OldNotice, notice, queue=QUEUE, attempts=1, registry=service.registry)
        job("retired", OldNotice, notice, queue=QUEUE, attempts=1, registry=service.registry)
        return service

    @classmethod
    def new(cls, *, upcasts: bool) -> Service:
        """The next one: a field has another name, and one job is gone."""
        service = cls()

        async def notice(data: Notice, ctx: JobContext) -> None:
            service.ran[ctx.job.id] += 1

        for name in ("notice", "digest"):
            definition = job(name, Notice, notice, queue=QUEUE, attempts=1, version=2, registry=service.registry)
            if upcasts:
                definition.upcast(from_version=1)(_rename)
        return service

    async def preflight(self, client: JobClient, sample: int | None = None) -> Report:
        """Return what this version would do with what is stored."""
        return await Preflight(client, self.registry, sample=sample).run()


def _rename(old: dict[str, object]) -> dict[str, object]:
    return {**old, "recipientId": old["userId"]}


async def fill(client: JobClient, service: Service, delayed: int, children: int, schedules: int) -> None:
    """Add jobs of the old version, most of them delayed, so that nothing runs yet."""
    notice, digest, retired = (service.registry.get(name) for name in ("notice", "digest", "retired"))
    payload = {"userId": "u1"}
    later: list[BulkItem[object]] = [{"payload": payload, "options": {"delay": "1h"}} for _ in range(delayed)]
    await notice.batch_trigger(later, client=client)
    below = [notice.node(payload, delay="1h") for _ in range(children)]
    await digest.trigger_flow(payload, below, client=client)
    for number in range(schedules):
        await notice.trigger_recurring(payload, every="1h", schedule_id=f"s{number}", client=client)
    await retired.trigger(payload, client=client, delay="1h")
    await digest.trigger(payload, client=client, priority=1)
    await digest.trigger(payload, client=client)


@pytest.mark.parametrize(
    ("delayed", "children", "schedules"),
    [(1_200, 20, 3), pytest.param(10_000, 500, 50, marks=pytest.mark.long)],
)
async def test_preflight_foretells_what_fails_and_an_upcaster_mends_it(
    client: JobClient, settings: Settings, delayed: int, children: int, schedules: int
) -> None:
    old = Service.old()
    await fill(client, old, delayed, children, schedules)
    at_once = 2 * schedules  # the template, and the run that waits or is delayed
    notices, digests = delayed + children + at_once, 3

    bare = await Service.new(upcasts=False).preflight(client)
    foretold = {(each.job, each.reason): each.count for each in bare.failing}
    assert foretold == {
        ("notice", "recipientId: Field required"): notices,
        ("digest", "recipientId: Field required"): digests,
    }
    assert bare.unknown == {(QUEUE, "retired"): 1}
    assert bare.versions == {("notice", 1): notices, ("digest", 1): digests}
    assert bare.checked == notices + digests + 1

    mended = Service.new(upcasts=True)
    assert (await mended.preflight(client)).failing == []
    queue = client.queue(QUEUE)
    await promote_jobs(queue)
    async with Crew(old.registry, settings), Crew(mended.registry, settings):  # a rolling deploy

        async def all_have_run() -> bool:
            counts = await queue.getJobCounts("waiting", "active", "prioritized", "waiting-children", "failed")
            assert counts["failed"] == 0
            return not any(counts.values())

        await eventually(all_have_run, "all have run", 300)
    ran = old.ran + mended.ran
    assert set(ran.values()) == {1}
    assert len(ran) >= delayed + children + digests + 1


async def test_what_is_foretold_fails_when_it_is_run(client: JobClient, settings: Settings) -> None:
    await fill(client, Service.old(), 30, 3, 0)
    bare = Service.new(upcasts=False)
    foretold = {each for kind in (await bare.preflight(client)).failing for each in kind.ids}
    queue = client.queue(QUEUE)
    await promote_jobs(queue)
    async with Crew(bare.registry, settings):

        async def all_have_failed() -> bool:
            return (await queue.getJobCounts("failed"))["failed"] == 36

        await eventually(all_have_failed, "all fail", 60)
    assert bare.ran == {}
    for job_id in foretold:
        assert await queue.getJobState(job_id) == "failed"
    assert (await bare.preflight(client)).failing == []  # they have no attempt left


async def test_a_newer_payload_is_parked_and_no_failure(client: JobClient) -> None:
    new = Service.new(upcasts=True)
    await new.registry.get("notice").trigger({"recipientId": "u1"}, client=client)
    report = await Service.old().preflight(client)
    assert (report.newer, report.failing, report.versions) == ({"notice": 1}, [], {("notice", 2): 1})


async def test_places_in_lists_are_one_kind_and_ids_are_named(client: JobClient) -> None:
    registry = JobRegistry()

    async def count(data: list[list[int]], ctx: JobContext) -> None: ...

    job("count", list[list[int]], count, queue=QUEUE, registry=registry)
    added = [await client.queue(QUEUE).add("count", [[1]] * place + [["x", "secret"]], {}) for place in range(7)]
    (found,) = (await Preflight(client, registry).run()).failing
    assert (found.queue, found.job, found.count, len(found.ids)) == (QUEUE, "count", 7, 5)
    assert set(found.ids) <= {str(each.id) for each in added}
    assert "secret" not in found.reason
    assert found.reason.count("*") >= 1


async def test_it_stops_in_time_and_goes_on_where_it_has_stopped(client: JobClient) -> None:
    await fill(client, Service.old(), 2_500, 0, 0)
    new = Service.new(upcasts=False)
    seen: list[Failing] = []
    checked, resume = 0, None
    for _ in range(1_000):
        report = await Preflight(client, new.registry).run(resume, within_s=0.001)
        checked, resume = checked + report.checked, report.resume
        seen += report.failing
        if resume is None:
            break
    assert checked == 2_504
    assert sum(each.count for each in seen) == 2_503
    sampled = await new.preflight(client, sample=10)
    assert sampled.checked == 10 + 3


async def test_what_is_no_job_is_told_apart(client: JobClient) -> None:
    queue = client.queue(QUEUE)
    await asyncio.gather(queue.ask("RPUSH", queue.keys["wait"], "a", "b"), queue.ask("SET", queue.toKey("a"), "text"))
    await queue.ask("HSET", queue.toKey("b"), "name", "notice", "data", "{")
    report = await Service.new(upcasts=True).preflight(client)
    assert {(each.job, each.reason, each.count) for each in report.failing} == {
        ("", "what is stored can't be read", 1),
        ("notice", "what is stored can't be read", 1),
    }


@pytest.mark.parametrize("resume", ["", "x", '["other", "wait", "0"]', '["notices", "wait", "x"]', "[1]"])
async def test_another_preflight_s_position_is_refused(client: JobClient, resume: str) -> None:
    with pytest.raises(InvalidInputError, match="is not where a preflight of these queues ended"):
        await Preflight(client, Service.new(upcasts=True).registry).run(resume)


async def test_queues_and_versions_are_checked_before_anything_is_read(client: JobClient) -> None:
    registry = Service.new(upcasts=True).registry
    with pytest.raises(InvalidInputError, match=r"No job of queue other is handled here\. Queues: notices\."):
        Preflight(client, registry, ["other"])
    gaps = JobRegistry()

    async def notice(data: Notice, ctx: JobContext) -> None: ...

    job("notice", Notice, notice, version=3, registry=gaps).upcast(from_version=1)(_rename)
    with pytest.raises(DefinitionError, match="from_version=2"):
        Preflight(client, gaps)


async def test_large_payloads_are_read_a_few_at_once_each_once(client: JobClient) -> None:
    queue, size = client.queue(QUEUE), 400_000
    ids = {str((await queue.add("notice", {"userId": "u" * size}, {})).id) for _ in range(8)}
    read = [each async for each in read_stored_jobs(queue, "wait", [*ids, "gone"])]
    assert sorted(each.id for each in read) == sorted(ids)
    report = await Service.new(upcasts=False).preflight(client)
    assert [each.count for each in report.failing] == [8]


async def test_a_job_that_breaks_the_code_that_judges_it_does_not_break_the_preflight(client: JobClient) -> None:
    registry = JobRegistry()

    def explode(value: int) -> int:
        raise KeyError(value)

    async def count(data: object, ctx: JobContext) -> None: ...

    job("count", Annotated[int, AfterValidator(explode)], count, queue=QUEUE, registry=registry)
    queue = client.queue(QUEUE)
    await queue.add("count", 4711, {})
    deep = await queue.add("count", 1, {})
    await queue.ask("HSET", queue.toKey(str(deep.id)), "data", "[" * 5_000 + "]" * 5_000)
    report = await Preflight(client, registry).run()
    reasons = {each.reason for each in report.failing}
    assert reasons == {"its validation raised KeyError", "what is stored can't be read"}


async def test_so_many_reasons_are_told_apart_and_not_more(client: JobClient) -> None:
    registry = JobRegistry()

    async def count(data: dict[str, int], ctx: JobContext) -> None: ...

    job("count", dict[str, int], count, queue=QUEUE, registry=registry)
    many = MOST_REASONS + 5
    queue = client.queue(QUEUE)
    await asyncio.gather(*(queue.add("count", {f"key {number}": "x"}, {}) for number in range(many)))
    report = await Preflight(client, registry).run()
    assert len(report.failing) == MOST_REASONS + 1
    assert (report.failing[0].reason, report.failing[0].count) == (OTHER_REASONS, 5)


def test_places_are_read_in_the_order_in_which_jobs_pass_through_them() -> None:
    on_the_way = ["waiting-children", "delayed", "prioritized", "wait", "paused", "active", "failed"]
    assert [place for place in PLACES if place != "repeat"] == on_the_way
