"""No payload and no stored job, however broken, stops a worker or hides another job."""

from __future__ import annotations

import asyncio
import json

import pytest
from redis.asyncio import Redis

from midday_worker import JobClient, JobContext, JobDefinition, JobRegistry, PayloadError, Settings, job
from midday_worker.admin import JobSnapshot, read_jobs
from midday_worker.engine.worker.config import WorkerConfig
from tests.deadline import eventually
from tests.integration.conditions.poison import BROKEN_BYTES, PAYLOADS, STORED, Payload, Stored
from tests.integration.crew import Crew

WITHIN_S = 30


class Taker:
    """A job that takes anything, and keeps what it got."""

    def __init__(self, registry: JobRegistry) -> None:
        self.received: list[object] = []
        self.definition: JobDefinition[object, None] = job("take", object, self.handle, attempts=1, registry=registry)

    async def handle(self, data: object, ctx: JobContext) -> None:
        self.received.append(data)


@pytest.fixture
def taker(registry: JobRegistry) -> Taker:
    return Taker(registry)


def named(case: Payload | Stored) -> str:
    return case.name


@pytest.mark.parametrize("case", PAYLOADS, ids=named)
async def test_a_payload_is_stored_as_json_or_refused_before_anything_is_written(
    client: JobClient, taker: Taker, registry: JobRegistry, settings: Settings, redis: Redis, case: Payload
) -> None:
    if case.refused:
        with pytest.raises(PayloadError, match=case.refused):
            await taker.definition.trigger(case.value, client=client)
        assert await client.queue("default").getJobCounts("waiting") == {"waiting": 0}
        return
    triggered = await taker.definition.trigger(case.value, client=client)
    stored = str(await redis.hget(f"{settings.redis_prefix}:default:{triggered.id}", "data"))
    assert stored == (case.stored or json.dumps(case.value, separators=(",", ":")))
    async with Crew(registry, settings):
        await triggered.result(f"{WITHIN_S}s")
    assert taker.received == [case.value]


@pytest.mark.parametrize("case", STORED, ids=named)
async def test_a_stored_job_has_its_outcome_and_the_next_one_runs(
    client: JobClient, taker: Taker, registry: JobRegistry, settings: Settings, redis: Redis, case: Stored
) -> None:
    broken = await taker.definition.trigger("fine", client=client)
    for name, value in case.fields.items():
        await redis.hset(f"{settings.redis_prefix}:default:{broken.id}", name, value)
    good = await taker.definition.trigger("next", client=client)
    assert {each.id for each in await read_jobs(client.queue("default"))} == {broken.id, good.id}
    async with Crew(registry, settings):
        await good.result(f"{WITHIN_S}s")
        outcome = await ended(client, broken.id)
    assert outcome.state == ("failed" if case.failed else "completed"), outcome
    assert case.failed in (outcome.failed_reason or "")
    assert ("next" in taker.received) and (case.received is None or case.received in taker.received)


async def ended(client: JobClient, job_id: str) -> JobSnapshot:
    """Return a job as it is listed once it has ended."""
    found: list[JobSnapshot] = []

    async def is_over() -> bool:
        found[:] = await read_jobs(client.queue("default"), ["completed", "failed"])
        return any(each.id == job_id for each in found)

    await eventually(is_over, f"job {job_id} ends", WITHIN_S)
    return next(each for each in found if each.id == job_id)


async def test_a_job_with_an_empty_name_is_parked_as_any_unknown_one(
    client: JobClient, taker: Taker, registry: JobRegistry, settings: Settings, redis: Redis, lines: list[str]
) -> None:
    nameless = await taker.definition.trigger("fine", client=client)
    await redis.hset(f"{settings.redis_prefix}:default:{nameless.id}", "name", "")
    async with Crew(registry, settings):

        async def is_parked() -> bool:
            return await nameless.state() == "delayed"

        await eventually(is_parked, "the job is parked")
    assert any("parked for 5 s" in line for line in lines)


async def test_ids_without_a_job_behind_them_leave_the_queue(
    client: JobClient, taker: Taker, registry: JobRegistry, settings: Settings, redis: Redis
) -> None:
    """A hash that is gone, a key that is no hash, and an id that is not UTF-8; each between two good jobs."""
    prefix = f"{settings.redis_prefix}:default"
    await redis.set(f"{prefix}:text", "no hash")
    good = [await taker.definition.trigger("first", client=client)]
    for strange in ("gone", "text", BROKEN_BYTES):
        await redis.lpush(f"{prefix}:wait", strange)
        good.append(await taker.definition.trigger("after", client=client))
    listed = {each.id: each.unreadable for each in await read_jobs(client.queue("default"), ["waiting"])}
    assert len(listed) == 7
    assert [listed[each.id] for each in good] == [None] * 4
    assert "data is gone" in str(listed["gone"])
    assert "WRONGTYPE" in str(listed["text"])
    async with Crew(registry, settings):
        for each in good:
            await each.result(f"{WITHIN_S}s")

        async def nothing_is_active() -> bool:
            return await redis.llen(f"{prefix}:active") == 0

        await eventually(nothing_is_active, "the active list is empty", WITHIN_S)


async def test_locks_are_renewed_while_a_job_with_a_strange_id_runs(
    taker: Taker, registry: JobRegistry, settings: Settings, redis: Redis
) -> None:
    """Renewal is of all jobs of a queue at once, in a thread that must not end of one of them."""
    lock = f"{settings.redis_prefix}:default:good:lock"
    config = WorkerConfig(queue="default", concurrency=1, lock_duration_ms=1_000)
    async with Crew(registry, settings, configs=(config,)) as crew:
        for job_id in ("good", "\udcff"):
            crew.worker.locks.track_job(job_id, "token")
        await redis.set(lock, "token", px=1_500)
        await asyncio.sleep(2)  # what is seen is that the lock outlives its time
        assert await redis.exists(lock)
        assert crew.worker.locks.is_running()
        for job_id in ("good", "\udcff"):
            crew.worker.locks.untrack_job(job_id)
