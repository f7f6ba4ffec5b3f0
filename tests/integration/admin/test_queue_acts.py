"""Acts on whole queues: what they move, in how large batches, and what they leave alone."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis
from typing_extensions import Unpack

from midday_worker import BulkItem, CallOptions, JobClient, JobDefinition, Settings
from midday_worker.admin import (
    BATCH,
    clean_jobs,
    empty_queue,
    get_job,
    limit_concurrency,
    limit_rate,
    list_schedules,
    obliterate_queue,
    pause_queue,
    promote_jobs,
    read_overview,
    read_overviews,
    remove_rate_limit,
    resume_queue,
    retry_jobs,
)
from midday_worker.admin.queue_acts import Moved
from midday_worker.engine.producer.queue import Queue
from midday_worker.errors import InvalidInputError, QueueStateError
from tests.integration.stored_keys import keys_of

Mail = JobDefinition[str, str]
MANY = BATCH + 203


async def add(mail: Mail, client: JobClient, count: int, **options: Unpack[CallOptions]) -> list[str]:
    batch: list[BulkItem[str]] = [{"payload": f"user {number}", "options": options} for number in range(count)]
    return [handle.id for handle in await mail.batch_trigger(batch, client=client)]


async def fail(redis: Redis, queue: Queue, ids: list[str]) -> None:
    """Put waiting jobs among the failed ones, as if a worker had tried them."""
    await redis.delete(queue.toKey("wait"))
    await redis.zadd(queue.toKey("failed"), {job_id: place for place, job_id in enumerate(ids, 1)})


async def test_a_queue_is_paused_limited_and_let_go_again(mail: Mail, client: JobClient, queue: Queue) -> None:
    await add(mail, client, 2)
    await mail.trigger_recurring("ada", "0 9 * * *", client=client)
    await pause_queue(queue)
    await limit_concurrency(queue, 3)
    await limit_rate(queue, 10, 1_000)
    set_ = await read_overview(queue)
    assert (set_.paused, set_.concurrency, set_.schedules) == (True, 3, 1)
    assert set_.rate is not None
    assert (set_.rate.max, set_.rate.duration_ms) == (10, 1_000)
    await resume_queue(queue)
    await limit_concurrency(queue, None)
    await remove_rate_limit(queue)
    (free,) = await read_overviews([queue])
    assert (free.paused, free.concurrency, free.rate, free.limited_ms) == (False, None, None, 0)
    assert free.counts["waiting"] == 2


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True])
async def test_a_limit_that_is_no_whole_number_from_1_is_refused(queue: Queue, redis: Redis, wrong: int) -> None:
    for act in (limit_concurrency(queue, wrong), limit_rate(queue, wrong, 1_000), limit_rate(queue, 10, wrong)):
        with pytest.raises(InvalidInputError, match=f"is {wrong}; accepted: a whole number from 1"):
            await act
    assert await redis.hmget(queue.toKey("meta"), "concurrency", "max", "duration") == [None, None, None]


async def test_failed_jobs_are_retried_in_batches_and_keep_their_priority(
    mail: Mail, client: JobClient, queue: Queue, redis: Redis
) -> None:
    ids = await add(mail, client, MANY)
    await fail(redis, queue, ids)
    await redis.hset(queue.toKey(ids[0]), "priority", 5)
    await redis.zadd(queue.toKey("failed"), {"gone": 0})
    assert await retry_jobs(queue, "failed") == Moved(MANY, skipped=1)
    counts = (await read_overview(queue)).counts
    assert (counts["waiting"], counts["prioritized"], counts["failed"]) == (MANY - 1, 1, 1)


async def test_all_failed_jobs_are_retried_but_not_those_that_were_cancelled(
    mail: Mail, client: JobClient, queue: Queue, redis: Redis
) -> None:
    *failed, cancelled = await add(mail, client, 3)
    await client.acts(queue.name).cancel(cancelled, "the customer has left")
    await fail(redis, queue, failed)
    assert await retry_jobs(queue, "failed") == Moved(2, skipped=1)
    assert (await get_job(queue, cancelled)).state == "failed"


async def test_delayed_jobs_are_promoted_and_keep_their_priority(mail: Mail, client: JobClient, queue: Queue) -> None:
    await add(mail, client, 3, delay=3_600_000)
    await add(mail, client, 2, delay=3_600_000, priority=2)
    assert await promote_jobs(queue) == Moved(5, skipped=0)
    counts = (await read_overview(queue)).counts
    assert (counts["delayed"], counts["waiting"], counts["prioritized"]) == (0, 3, 2)


async def test_a_state_is_cleaned_in_batches(mail: Mail, client: JobClient, queue: Queue, redis: Redis) -> None:
    await fail(redis, queue, await add(mail, client, MANY))
    (kept,) = await add(mail, client, 1)
    assert await clean_jobs(queue, "failed") == MANY
    assert (await get_job(queue, kept)).state == "waiting"


async def test_cleaning_leaves_the_young_and_the_runs_of_schedules(mail: Mail, client: JobClient, queue: Queue) -> None:
    await add(mail, client, 3, delay=3_600_000)
    await mail.trigger_recurring("ada", "0 9 * * *", client=client)
    assert await clean_jobs(queue, "delayed", grace_ms=3_600_000) == 0
    assert await clean_jobs(queue, "delayed") == 3
    (schedule,) = await list_schedules(queue)
    assert (await get_job(queue, f"repeat:{schedule.id}:{schedule.next_run_ms}")).state == "delayed"


async def test_jobs_behind_more_runs_of_schedules_than_fit_a_batch_are_cleaned(
    mail: Mail, client: JobClient, queue: Queue, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("midday_worker.admin.queue_acts.BATCH", 2)
    for number in range(5):
        await mail.trigger_recurring(f"user {number}", "0 9 * * *", client=client)
    await add(mail, client, 3, delay=365 * 24 * 3_600_000)
    assert await clean_jobs(queue, "delayed") == 3


async def test_an_emptied_queue_keeps_what_is_delayed(mail: Mail, client: JobClient, queue: Queue) -> None:
    await add(mail, client, MANY)
    await add(mail, client, 2, priority=1)
    (later,) = await add(mail, client, 1, delay=3_600_000)
    assert await empty_queue(queue) == MANY + 2
    assert {state: count for state, count in (await read_overview(queue)).counts.items() if count} == {"delayed": 1}
    assert (await get_job(queue, later)).state == "delayed"


async def test_only_a_paused_queue_without_running_jobs_is_obliterated(
    mail: Mail, client: JobClient, queue: Queue, redis: Redis, settings: Settings
) -> None:
    ids = await add(mail, client, MANY)
    with pytest.raises(QueueStateError, match="must be paused"):
        await obliterate_queue(queue)
    await pause_queue(queue)
    await redis.lmove(queue.toKey("wait"), queue.toKey("active"))
    with pytest.raises(QueueStateError) as caught:
        await obliterate_queue(queue)
    assert caught.value.active == 1
    await obliterate_queue(queue, force=True)
    left = await keys_of(redis, settings)
    assert [key for key in left if ids[0] in key or ids[-1] in key] == []
    assert (await read_overview(queue)).counts["waiting"] == 0
