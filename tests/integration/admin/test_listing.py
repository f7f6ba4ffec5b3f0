"""Typed reads on a queue's jobs."""

from __future__ import annotations

from redis.asyncio import Redis

from midday_worker import JobClient, JobRegistry, Settings, job
from midday_worker.admin import count_jobs, read_jobs, read_page


async def test_jobs_are_counted_by_state(client: JobClient, registry: JobRegistry) -> None:
    add = job("add", int, lambda data, ctx: data, queue="sums", registry=registry)
    await add.trigger(1, client=client)
    await add.trigger_delayed(2, "1h", client=client)
    counts = await count_jobs(client.queue("sums"))
    assert {state: count for state, count in counts.items() if count} == {"waiting": 1, "delayed": 1}


async def test_all_jobs_are_read_however_many_there_are(client: JobClient, registry: JobRegistry) -> None:
    """More than fit one page; each once, with name and state."""
    add = job("add", int, lambda data, ctx: data, queue="sums", registry=registry)
    handles = await add.batch_trigger([{"payload": number} for number in range(1_203)], client=client)
    later = await add.trigger_delayed(2, "1h", client=client)
    jobs = await read_jobs(client.queue("sums"))
    assert {each.id for each in jobs if each.state == "waiting"} == {handle.id for handle in handles}
    assert [each.id for each in jobs if each.state == "delayed"] == [later.id]
    assert len(jobs) == 1_204
    assert {(each.name, each.attempts, each.failed_reason, each.result) for each in jobs} == {("add", 0, None, None)}


async def test_a_job_that_cannot_be_read_is_listed_with_the_others(
    client: JobClient, registry: JobRegistry, settings: Settings, redis: Redis
) -> None:
    add = job("add", int, lambda data, ctx: data, queue="sums", registry=registry)
    handles = await add.batch_trigger([{"payload": number} for number in range(3)], client=client)
    await redis.hset(f"{settings.redis_prefix}:sums:{handles[1].id}", "opts", "{not json")
    jobs = await read_jobs(client.queue("sums"))
    assert {(each.id, each.name, each.state) for each in jobs} == {(handle.id, "add", "waiting") for handle in handles}


async def test_a_page_holds_the_newest_of_each_state(client: JobClient, registry: JobRegistry) -> None:
    add = job("add", int, lambda data, ctx: data, queue="sums", registry=registry)
    waiting = await add.batch_trigger([{"payload": number} for number in range(5)], client=client)
    delayed = [await add.trigger_delayed(number, f"{number + 1}h", client=client) for number in range(3)]
    page = await read_page(client.queue("sums"), ["delayed", "waiting"], 1, 2)
    assert [(each.id, each.state) for each in page] == [
        (delayed[1].id, "delayed"),
        (delayed[0].id, "delayed"),
        (waiting[3].id, "waiting"),
        (waiting[2].id, "waiting"),
    ]
